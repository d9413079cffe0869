# A hundred calls in rooms of five at 50 a second: all N-1 right, nothing lost. A busy machine may delay a
# few packets, a sanitizer many: TOLERATE per mille of them. Rows 3, 55, 57 and 59.
. "$(dirname "$0")/wire.sh"
server_start --log-level=warn
"$BIN/mixminus-load" --server="127.0.0.1:$SERVER_PORT" --calls=100 --rooms-of=5 --rate=50 --seconds=5 --tolerate="$TOLERATE" \
    --server-pid="$SERVER_PID" || complain "the load is not content"
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"
verdict
