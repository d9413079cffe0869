# Rows 63, 64: a hundred calls a second dial the factory, answer its challenges, follow the 302 and hang up; others confer
# meanwhile and lose nothing.
. "$(dirname "$0")/wire.sh"
store=sqlite:$TMP/store.db
printf 'sesame\n' | "$BIN/mixminusctl" user add alice --store="$store" --auth-realm=ims.example || complain "no account"
server_start --store="$store" --auth=digest --auth-realm=ims.example --log-level=warn
"$BIN/mixminus-load" --server="127.0.0.1:$SERVER_PORT" --auth=alice:sesame --calls=10 --seconds=3 --short-calls=100 \
    --json >"$TMP/load.json" # its exit code looks at voices that this caller may send late
grep -q '"lost":0,' "$TMP/load.json" || complain "packets were lost"
grep -q '"short_tried":\(29[0-9]\|300\),"short_complete":\(29[0-9]\|300\),"short_failed":0' "$TMP/load.json" ||
    complain "short calls failed"
[ "$failed" -eq 0 ] || show "$TMP/load.json"
verdict
