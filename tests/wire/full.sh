# No RTP ports for a third: 503 with Retry-After, and the two go on hearing each other. Shows A33, C22. Rows 10 and 29.
. "$(dirname "$0")/wire.sh"
low=$((9000 + ($$ * 13 % 240) * 4)) # where no other test has its ports
server_start --rtp-port-min=$low --rtp-port-max=$((low + 3))
conference alice --tone=440 --expect=620 --expect-at=3.5 --seconds=4.8
caller bob --call="$URI" --tone=620 --expect=440 --expect-at=3 --seconds=4.8
await bob joined
"$BIN/mixminus-ua" --name=carol --call="$URI" --seconds=1 >"$TMP/carol.log" 2>&1 && complain "Carol was let in"
grep -q 'refused: 503' "$TMP/carol.log" || complain "no 503"
grep -q 'Retry-After: [0-9]' "$TMP/carol.log" || complain "no Retry-After"
[ "$failed" -eq 0 ] || show "$TMP/carol.log"
callers_wait
verdict
