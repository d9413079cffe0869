# A36: killed again and again under load, it serves in less than a second, its store is whole, what it promised is good,
# and no conference URI is issued twice. A disk that takes no more costs the promises, not the service.
. "$(dirname "$0")/wire.sh"
here=$(dirname "$0")
store=$TMP/store.db
now_ms() { echo $(($(date +%s%N) / 1000000)); }
printf 'sesame\n' | "$BIN/mixminusctl" user add alice --store="sqlite:$store" --realm=ims.example >/dev/null ||
    complain "no account"
server_start --store="sqlite:$store"
for round in 1 2 3; do
    python3 "$here/crash.py" "$SERVER_PORT" 200 2.5 >"$TMP/uris.$round" &
    load=$!
    sleep 1.2
    kill -KILL "$SERVER_PID"
    killed=$(date +%s.%N)
    wait "$SERVER_PID" 2>/dev/null
    begin=$(now_ms)
    "$BIN/mixminusd" --sip-listen="udp:127.0.0.1:$SERVER_PORT" --store="sqlite:$store" >"$TMP/server.log" 2>&1 &
    SERVER_PID=$!
    until [ "$(python3 "$here/crash.py" "$SERVER_PORT" ask "sip:127.0.0.1:$SERVER_PORT")" = 200 ]; do
        kill -0 $SERVER_PID 2>/dev/null || { complain "it does not start again"; verdict; }
    done
    took=$(($(now_ms) - begin))
    echo "round $round: serving again after $took ms"
    [ $took -lt 1000 ] || [ "$TOLERATE" -ge 300 ] || complain "that is more than a second"
    wait $load
    # What was issued a tenth of a second before the end is known to its successor.
    uri=$(awk -v at="$killed" '$1 < at - 0.1 {uri = $2} END {print uri}' "$TMP/uris.$round")
    status=$(python3 "$here/crash.py" "$SERVER_PORT" ask "$uri")
    [ "$status" = 200 ] || complain "round $round: a URI of before: $status"
    awk -v at="$killed" '$1 > at {n++} END {exit n < 50}' "$TMP/uris.$round" || complain "round $round: no service after"
done
n=$(cat "$TMP"/uris.? | wc -l)
twice=$(cut -d' ' -f2 "$TMP"/uris.? | sort | uniq -d | wc -l)
echo "$n URIs, $twice of them twice"
[ "$n" -gt 600 ] && [ "$twice" -eq 0 ] || complain "URIs are issued twice, or hardly any"
"$BIN/mixminusctl" user list --store="sqlite:$store" --realm=ims.example | grep -q '^alice' || complain "alice is gone"
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"
if command -v sqlite3 >/dev/null; then
    [ "$(sqlite3 "$store" 'PRAGMA integrity_check')" = ok ] || complain "the store is broken"
fi
# A full disk: no file may grow beyond 64 KB, which the store's journal soon does.
sh -c 'ulimit -f 128; trap "" XFSZ; exec "$@"' sh "$BIN/mixminusd" --sip-listen="udp:127.0.0.1:$SERVER_PORT" \
    --store="sqlite:$store" >"$TMP/server.log" 2>&1 &
SERVER_PID=$!
sleep 0.5
python3 "$here/crash.py" "$SERVER_PORT" 200 2 >"$TMP/uris.full"
n=$(wc -l <"$TMP/uris.full")
[ "$n" -gt 300 ] || complain "no service on a full disk: $n URIs"
[ "$(grep -c 'store: ' "$TMP/server.log")" = 1 ] || complain "that the disk is full is told never, or again and again"
verdict
