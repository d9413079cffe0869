# A43: a log that nobody reads (`mixminusd 2>&1 | sleep`) stops nothing: far more than a pipe holds is logged, SIP goes on,
# /healthz says so, the dropped lines are counted, and SIGTERM is heeded.
. "$(dirname "$0")/wire.sh"
mkfifo "$TMP/pipe"
exec 9<>"$TMP/pipe" # open on both sides, and never read
SERVER_PORT=$(port_guess 0)
HTTP_PORT=$(port_guess 1)
"$BIN/mixminusd" --store=memory --log-level=debug --sip-listen="udp:127.0.0.1:$SERVER_PORT" --stats-interval-s=1 \
    --http-listen="127.0.0.1:$HTTP_PORT" >"$TMP/pipe" 2>&1 9<&- &
SERVER_PID=$!
FACTORY=sip:conferences@127.0.0.1:$SERVER_PORT
for i in 1 2 3 4 5 6 7 8 9 10; do
    "$BIN/mixminus-ua" --options="$FACTORY" --wait=1 >/dev/null 2>&1 && break
done
# Each short call is some lines at debug: ring and pipe hold some 2500.
"$BIN/mixminus-load" --server="127.0.0.1:$SERVER_PORT" --calls=2 --rooms-of=2 --talkers=1 --short-calls=100 --seconds=25 --tolerate=1000 >"$TMP/load" 2>&1 &
load=$!
for i in $(seq 60); do
    dropped=$(curl -s "http://127.0.0.1:$HTTP_PORT/metrics" | sed -n 's/^mixminus_log_lines_dropped_total //p')
    [ "${dropped:-0}" -gt 0 ] && break
    sleep 0.5
done
[ "${dropped:-0}" -gt 0 ] || complain "no line was dropped"
"$BIN/mixminus-ua" --options="$FACTORY" --wait=2 >/dev/null 2>&1 || complain "SIP is not served any more"
curl -s "http://127.0.0.1:$HTTP_PORT/healthz" | grep -qx ok || complain "/healthz does not say ok"
kill "$load" 2>/dev/null
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit $SERVER_CODE"
[ "$failed" -eq 0 ] || show "$TMP/load"
verdict
