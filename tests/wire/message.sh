# Rows 45 and 46: Alice makes a conference and sends its URI to Bob by MESSAGE; he calls what the message names, and both
# hear each other. The conference itself takes no MESSAGE: 405 with the methods it does take.
. "$(dirname "$0")/wire.sh"
server_start
for try in 1 2 3 4 5; do
    port=$(port_guess $((20 + try)))
    caller bob --answer --dial-messages --bind="127.0.0.1:$port" --tone=620 --expect=440 --expect-at=3.5 --seconds=4.8
    sleep 0.3
    grep -q waiting "$TMP/bob.log" && break
    callers=
done
conference alice --tone=440 --message="sip:bob@127.0.0.1:$port" --expect=620 --expect-at=4 --seconds=5.2
caller carl --call="$URI" --message="$URI" --seconds=0.5
await carl 'message answered: 405'
await bob joined
wait "${callers##*:}" && complain "Carl is content with the 405"
callers=${callers% carl:*}
callers_wait
grep -qF 'message answered: 200' "$TMP/alice.log" || complain "Bob did not take the MESSAGE"
grep -qF "names $URI" "$TMP/bob.log" || complain "Bob did not find the URI in the words"
grep -qF "joined $URI" "$TMP/bob.log" || complain "Bob did not join what the words name"
[ "$failed" -eq 0 ] || show "$TMP/alice.log" "$TMP/bob.log" "$TMP/carl.log"
verdict
