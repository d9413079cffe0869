# More callers than can be served: they are sent away by 503 with Retry-After, two who are in go on hearing each other,
# and who has priority by the word of a trusted peer gets in all the same. By the limit of one source, by that of all,
# and by none but the time there is. Shows A8, C22.
. "$(dirname "$0")/wire.sh"
overload() {
    server_start --auth-trusted=127.0.0.2/32 --source-unacked=0 "$@"
    conference alice --tone=440 --expect=620 --until-bye --seconds=60
    caller bob --call="$URI" --tone=620 --expect=440 --until-bye --seconds=60
    await bob joined
    python3 "$(dirname "$0")/flood.py" "$SERVER_PORT" 127.0.0.3 >"$TMP/flood.log" 2>&1 &
    flood=$!
    callers="$callers flood:$flood"
    until grep -qs '^full' "$TMP/flood.log"; do
        kill -0 $flood || { show "$TMP/flood.log"; exit 1; }
        sleep 0.1
    done
    "$BIN/mixminus-ua" --bind=127.0.0.2 --name=warden --priority=wps.0 --call="$URI" --seconds=2 --wait=30 \
        --tone=880 --expect=440,620 >"$TMP/warden.log" 2>&1 || { complain "who has priority is kept out"; show "$TMP/warden.log"; }
    sleep 1.2 # the last second of the two is without him
    kill -TERM $flood
    wait $flood || complain "503 without Retry-After"
    cat "$TMP/flood.log"
    callers=${callers% flood:*}
    server_stop
    sed -i "/sip:flood@/d" "$TMP/server.log" # else it is all that one sees of a failure
    callers_wait
    grep -qE ' 503:[1-9]' "$TMP/flood.log" || complain "nobody was sent away"
}
overload --source-rate=1000
overload --source-rate=1000000 --sip-transactions-max=1000
overload --source-rate=1000000 --conference-max=1000000
verdict
