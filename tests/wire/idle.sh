# A9: ten thousand connections, or as many as descriptors allow, that say nothing. One address is let in so often and no
# more, all of them so often and no more, and who says nothing is shown out; meanwhile who asks is answered, and two go
# on hearing each other. Then there is room again.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --tone=440 --expect=620 --until-bye --seconds=60
caller bob --call="$URI" --tone=620 --expect=440 --until-bye --seconds=60
await bob joined
python3 "$(dirname "$0")/idle.py" "$SERVER_PORT" 10000 >"$TMP/idle.log" 2>&1 &
idle=$!
until grep -qs '^gone' "$TMP/idle.log"; do
    kill -0 $idle 2>/dev/null || { complain "the idle have failed"; break; }
    "$BIN/mixminus-ua" --options="sip:127.0.0.1:$SERVER_PORT" --wait=5 >/dev/null 2>&1 || complain "no answer meanwhile"
    sleep 0.2
done
cat "$TMP/idle.log"
awk '/^one source:/ {one = $3} /^all:/ {all = $2; made = $4}
    END {exit !(one > 0 && one <= 64 && all > one && all <= 4096 && all < made)}' "$TMP/idle.log" ||
    complain "the limits do not hold"
"$BIN/mixminus-ua" --options="sip:127.0.0.1:$SERVER_PORT" --transport=tcp --wait=5 >/dev/null 2>&1 ||
    complain "no connection once they are gone"
server_stop
callers_wait
verdict
