# Row 54: Alice REFERs the conference to Bob, and it calls him: 202, NOTIFY 100, INVITE, 200, NOTIFY 200; both hear each
# other. Then she has him removed. By the policy's word, nobody else is called. Shows A15, C43, C44, C46, C60, C61.
. "$(dirname "$0")/wire.sh"

# answerer NAME flags...: somebody who waits for a call; his port is in PORT.
answerer() {
    who=$1
    shift
    for try in 1 2 3 4 5; do
        n=$((${n:-20} + 1))
        PORT=$(port_guess $n)
        caller "$who" --answer --bind="127.0.0.1:$PORT" "$@"
        sleep 0.2
        grep -q waiting "$TMP/$who.log" && return
        callers=$(echo "$callers" | tr ' ' '\n' | grep -v "^$who:" | tr '\n' ' ')
    done
}
# only WORDS...: these callers are waited for, others have done their part.
only() {
    callers=$(echo "$callers" | tr ' ' '\n' | grep -E "^($(echo "$*" | tr ' ' '|')):" | tr '\n' ' ')
}

server_start --dial-out=127.0.0.0/8
answerer bob --tone=620 --expect=440 --expect-at=3 --seconds=20 --until-bye
bob=$PORT
conference alice --tone=440 --bring="sip:bob@127.0.0.1:$bob;x-obr=10.0.0.1;maddr=10.0.0.1" --expect=620 --expect-at=3.2 \
    --drop-at="4:sip:bob@127.0.0.1" --seconds=5
callers_wait
# What Alice and Bob saw, in its order, is the ladder.
for word in 'joined sip:' 'bring sip:bob' 'refer answered: 202' 'notify: 100' 'notify: 200 OK, the last' 'drop sip:bob' \
    'refer answered: 202' 'notify: 100' 'notify: 200 OK, the last' 'bye'; do
    line=$(tail -n "+${at:-1}" "$TMP/alice.log" | grep -n "$word" | head -n 1 | cut -d: -f1)
    [ -n "$line" ] || complain "alice: '$word' does not come in its place"
    at=$((${at:-1} + ${line:-0}))
done
grep -q "call from sip:${URI#sip:}" "$TMP/bob.log" || complain "Bob is not called by the conference"
[ "$failed" -eq 0 ] || show "$TMP/alice.log" "$TMP/bob.log"

# The phone's own way (TS 24.147, IR.92): the factory that its SIM names is the focus, and is asked to call the others.
answerer carl --tone=620 --expect=440,800 --expect-at=3 --seconds=3.4 --within=1.5
list=sip:carl@127.0.0.1:$PORT
answerer dora --tone=800 --expect=440,620 --expect-at=3 --seconds=3.6 --within=1.5
list=$list,sip:dora@127.0.0.1:$PORT
caller emma --factory=sip:mmtel@conf-factory.ims.mnc001.mcc262.3gppnetwork.org --proxy="127.0.0.1:$SERVER_PORT" \
    --tone=440 --bring="$list" --expect=620,800 --expect-at=3.2 --seconds=4 --within=1.5
callers_wait
grep -q ': 302 to ' "$TMP/emma.log" && complain "the focus does not answer the factory itself"

# Refused: a premium number, ourselves, another port of ours, who is not listed; and who declines is told of.
answerer busy --tone=500 --seconds=4
busy=$PORT
caller first --call="sip:first@127.0.0.1:$busy" --seconds=3
await busy joined
conference frank --bring="tel:+19005551234,$FACTORY,sip:x@127.0.0.1:$SERVER_PORT,sip:x@10.1.2.3,sip:x@example.net" --seconds=1
conference gina --bring="sip:busy@127.0.0.1:$busy" --seconds=1
sleep 1.2
# A user of ours without a phone is none to be called either.
[ "$(grep -c 'refer answered: 403' "$TMP/frank.log")" -eq 4 ] && grep -q 'refer answered: 480' "$TMP/frank.log" || { complain "somebody was called"; show "$TMP/frank.log"; }
grep -q 'notify: 486 Busy Here, the last' "$TMP/gina.log" || { complain "486 is not told"; show "$TMP/gina.log"; }
only first busy
callers_wait
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"

# Everything goes to the outbound proxy, whatever the URI says; without a policy nobody is called.
answerer hugo --tone=620 --expect=440 --expect-at=2 --seconds=2.4
server_start --dial-out=any --dial-proxy="udp:127.0.0.1:$PORT"
conference ida --tone=440 --bring="sip:hugo@example.net;maddr=10.0.0.1" --expect=620 --expect-at=2.2 --seconds=3
callers_wait
server_stop
server_start
conference jan --bring="sip:hugo@127.0.0.1:$PORT" --seconds=0.5
await jan 'refer answered: 403'
callers=
verdict
