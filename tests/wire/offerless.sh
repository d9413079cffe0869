# An INVITE without an offer: the 200 has it, the ACK answers (RFC 3264 4). Shows C17.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --tone=440 --expect=620 --expect-at=3.5 --seconds=4.8
caller bob --call="$URI" --offerless --codec=PCMA --tone=620 --expect=440 --expect-at=3 --seconds=4.8
callers_wait
grep -q 'by PCMA' "$TMP/bob.log" || complain "Bob did not get the codec that he answered with"
verdict
