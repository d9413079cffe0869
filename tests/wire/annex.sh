# A room of sixty on two workers that have memory for forty-eight each: N-1 is right for all of them, whichever worker
# serves them. $* goes to the load.
. "$(dirname "$0")/wire.sh"
server_start --workers=2 --worker-legs-max=48 --worker-scheduling=other
"$BIN/mixminus-load" --server="127.0.0.1:$SERVER_PORT" --calls=60 --rooms-of=60 --rate=50 --seconds=5 --settle=3 \
    --tolerate="$TOLERATE" "$@" --server-pid="$SERVER_PID" || complain "the load is not content"
grep -q 'annex on worker' "$TMP/server.log" || complain "no annex was made"
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"
verdict
