# Alice makes a conference and asks Bob to join: 202, NOTIFY 100, NOTIFY 200; both hear each other.
# Shows C61. Rows 1, 2, 15, 41, 42, 43, 44, 47, 48, 49, 50, 51, 52 and 56.
. "$(dirname "$0")/wire.sh"
server_start
for try in 1 2 3 4 5; do
    port=$(port_guess $((20 + try)))
    caller bob --answer --bind="127.0.0.1:$port" --tone=620 --expect=440 --expect-at=3.5 --seconds=4.8
    sleep 0.3
    grep -q waiting "$TMP/bob.log" && break
    callers=
done
conference alice --tone=440 --refer="sip:bob@127.0.0.1:$port" --expect=620 --expect-at=4 --seconds=5.2
callers_wait
grep -q 'refer answered: 202' "$TMP/alice.log" || complain "REFER was not accepted"
grep -q 'notify: 100' "$TMP/alice.log" || complain "no NOTIFY 100"
grep -q 'notify: 200 OK, the last' "$TMP/alice.log" || complain "no NOTIFY 200"
grep -q 'asked to call' "$TMP/bob.log" || complain "Bob was not asked"
[ "$failed" -eq 0 ] || show "$TMP/alice.log" "$TMP/bob.log"
verdict
