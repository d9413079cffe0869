# Rows 18, 26-33: the factory's name is the operator's; each call to it makes a URI that nobody else has, by one pattern;
# with a reservation the resource is held for whoever was promised it, without one it is found when somebody comes.
# Shows C41, C60. Rows 7, 27, 28, 30, 31, 32 and 33.
. "$(dirname "$0")/wire.sh"
low=$((9000 + ($$ * 13 % 240) * 4))
server_start --factory=meet --reserve=on --reserve-legs=2 --reserve-s=4 --rtp-port-min=$low --rtp-port-max=$((low + 3))
FACTORY=sip:meet@127.0.0.1:$SERVER_PORT
"$BIN/mixminus-ua" --factory="sip:conferences@127.0.0.1:$SERVER_PORT" --seconds=1 >"$TMP/other" 2>&1 && complain "another name is served"
conference alice --tone=440 --seconds=4 --expect=620
caller eve --factory="$FACTORY" --seconds=1 # room for two is held: none is left for another conference
await eve 'failed: 503'
caller bob --call="$URI" --tone=620 --seconds=3.5 --expect=440
callers=$(echo "$callers" | tr ' ' '\n' | grep -E '^(alice|bob):' | tr '\n' ' ')
callers_wait
server_stop

server_start --rtp-port-min=$low --rtp-port-max=$((low + 3)) # late binding: promises cost nothing
FACTORY=sip:conferences@127.0.0.1:$SERVER_PORT
: >"$TMP/uris"
for i in 1 2 3 4 5 6; do
    caller "c$i" --factory="$FACTORY" --seconds=0.2
    callers_wait
    sed -n 's/.*302 to sip:\([^@]*\)@.*/\1/p' "$TMP/c$i.log" >>"$TMP/uris"
done
[ "$(sort -u "$TMP/uris" | wc -l)" -eq 6 ] || complain "a URI came twice"
grep -vqE '^[a-z2-7]{56}$' "$TMP/uris" && complain "a URI without the pattern"
[ "$(cut -c1-4 "$TMP/uris" | sort -u | wc -l)" -eq 1 ] || complain "the node is not in the same place"
verdict
