# Push-to-talk in a group of four terminals: who pushes is heard by all others and by them alone; a second waits in the
# queue and follows; one that may only listen, or has not the service, is told so; a stock phone listens. A push costs no
# SIP message, and sessions stand after it. Floor control is read by tshark as well.
# Rows 69, 70, 85, 86, 87, 99, 103, 104, 106, 109, 120, 122, 123.
. "$(dirname "$0")/wire.sh"
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
http=$(($(port_guess 0) + 9200))
server_start --http-listen=127.0.0.1:$http
PTT=sip:ptt@127.0.0.1:$SERVER_PORT
put() { curl -s -o "$TMP/body" -w '%{http_code}' --max-time 5 -X "${3:-PUT}" -H 'Content-Type: application/json' ${2:+-d "$2"} "http://127.0.0.1:$http$1"; }
get() { curl -s --max-time 5 "http://127.0.0.1:$http$1"; }
is() { [ "$1" = "$2" ] || { complain "$3: $1, not $2"; cat "$TMP/body"; }; }
requests() { get /metrics | sed -n 's/^mixminus_sip_rx_messages_total //p'; }
is "$(put /v1/groups/g1 '{"members":["sip:alice@127.0.0.1","sip:bob@127.0.0.1","sip:carol@127.0.0.1","sip:dora@127.0.0.1"]}')" 204 "the group"
is "$(put /v1/users/alice/services/ptt/alice '{"target":"g1","priority":5}')" 204 "alice's service"
is "$(put /v1/users/bob/services/ptt/bob '{"target":"g1","priority":5}')" 204 "bob's service"
is "$(put /v1/users/carol/services/ptt/sip:carol@127.0.0.1 '{"target":"g1","request":false}')" 204 "carol's service"
is "$(put /v1/users/dora/services/ptt/dora '{"target":"g1"}')" 204 "dora's service"
is "$(put /v1/users/alice/services/fax/alice '{"target":"g1"}')" 404 "a service that is none"
is "$(put /v1/users/alice/services/ptt/alice '{"target":"g1","priority":300}')" 400 "a priority that is none"
grep -q '"hint":"priority is a number from 1 to 255"' "$TMP/body" || complain "the refusal does not say what is wrong"
get /v1/services | grep -q '"id":"ptt","uri":"sip:ptt@' || complain "no catalogue"

if command -v tshark >/dev/null && [ "$(id -u)" = 0 ]; then
    tshark -q -i lo -f udp -w "$TMP/lo.pcap" 2>/dev/null &
    shark=$!
    sleep 1
fi
TAKEN_A=taken=sip:alice@127.0.0.1:$SERVER_PORT TAKEN_B=taken=sip:bob@127.0.0.1:$SERVER_PORT
caller dora --call="$PTT" --seconds=9 --expect=440 --expect-at=3.4 # a stock phone: no floor control, no tone of its own
caller carol --ptt --call="$PTT" --tone=800 --seconds=9 --push-at=5.2 --expect=440 --expect-at=3.4 \
    --expect-floor=$TAKEN_A,$TAKEN_B,denied=5,idle
caller bob --ptt --call="$PTT" --tone=620 --seconds=9 --push-at=2 --release-at=6 --expect=440 --expect-at=3.4 \
    --expect-floor=$TAKEN_A,queued=1,granted,idle
caller alice --ptt --call="$PTT" --tone=440 --seconds=9 --push-at=1 --release-at=4 --expect=620 --expect-at=5.6 \
    --expect-floor=granted,$TAKEN_B,idle
caller eve --ptt --call="$PTT" --seconds=2 --wait=3
for name in alice bob carol dora; do await $name joined; done
before=$(requests)
sleep 2.5
get /v1/channels >"$TMP/channels"
grep -q '"name":"g1","members":4,"floor":"taken","holder":"alice"' "$TMP/channels" || { complain "the channel's page"; cat "$TMP/channels"; }
get /v1/sessions >"$TMP/sessions"
grep -q '"user":"alice","identification":"alice","service":"ptt","status":"talking","channel":"g1"' "$TMP/sessions" || { complain "the sessions' page"; cat "$TMP/sessions"; }
get /v1/users | grep -q '"user":"alice".*"status":"talking"' || complain "alice's presence does not say that she talks"
sleep 4
[ -n "$before" ] && [ "$(requests)" = "$before" ] || complain "pushes cost SIP messages: $before before, $(requests) after"
grep -q 'refused: 403' "$TMP/eve.log" || { complain "a user without the service gets in"; show "$TMP/eve.log"; }
callers=$(echo "$callers" | sed 's/ eve:[0-9]*//')
callers_wait
sed -n 's/.*floor granted after \([0-9.]*\) ms.*/request to Granted: \1 ms/p' "$TMP/alice.log"
if [ -n "${shark:-}" ]; then
    sleep 0.5
    kill $shark
    wait $shark 2>/dev/null
    tshark -r "$TMP/lo.pcap" -d "udp.port==1024-65535,rtcp" -Y 'rtcp.app.name == "MCPT"' -T fields -e rtcp.app.subtype 2>/dev/null | sort | uniq -c >"$TMP/subtypes"
    for subtype in 0 1 2 3 4 5 9; do
        grep -qE "[ 	]$((subtype))(,|$)" "$TMP/subtypes" || { complain "tshark reads no message of subtype $subtype"; cat "$TMP/subtypes"; }
    done
    tshark -r "$TMP/lo.pcap" -d "udp.port==1024-65535,rtcp" -Y 'rtcp.app.name == "MCPT" && _ws.malformed' 2>/dev/null >"$TMP/malformed"
    [ -s "$TMP/malformed" ] && { complain "tshark finds messages malformed"; show "$TMP/malformed"; }
fi
server_stop
[ "$SERVER_CODE" = 0 ] || complain "the server ends with $SERVER_CODE"
verdict
