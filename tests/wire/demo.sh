# The demo that README promises. Rows 12, 55 and 57.
. "$(dirname "$0")/wire.sh"
"$BIN/mixminus-load" --demo --server="$BIN/mixminusd" --out="$TMP/demo" || complain "the demo fails"
[ "$(ls "$TMP"/demo/*.wav | wc -l)" -eq 8 ] || complain "not eight recordings"
verdict
