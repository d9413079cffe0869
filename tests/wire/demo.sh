# The demo that README promises. Rows 12, 55 and 57.
. "$(dirname "$0")/wire.sh"
"$BIN/mixminus-load" --demo --server="$BIN/mixminusd" --out="$TMP/demo" | tee "$TMP/said"
grep -q "^Right: everybody hears everybody else" "$TMP/said" || complain "the conferences fail"
grep -q "^Right: one speaks at a time" "$TMP/said" || complain "push-to-talk fails"
[ "$(ls "$TMP"/demo/*.wav | wc -l)" -eq 8 ] || complain "not eight recordings"
verdict
