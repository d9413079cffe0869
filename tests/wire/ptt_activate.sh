# A private channel of two users, driven by HTTP and by REFER: whether the other is there is decided first, with the
# reason; then the floor is had at once. Half duplex: the talker hears nothing while it talks. Letting go leaves both
# sessions; their dialogs live on. SRTP on one side.
# Rows 71, 73, 74, 79, 80, 115, 116, 117, 119, 121, 123, 124.
. "$(dirname "$0")/wire.sh"
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
http=$(($(port_guess 0) + 9100))
server_start --http-listen=127.0.0.1:$http
PTT=sip:ptt@127.0.0.1:$SERVER_PORT
ask() { curl -s -o "$TMP/body" -w '%{http_code}' --max-time 5 -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "http://127.0.0.1:$http$2"; }
is() { [ "$1" = "$2" ] || { complain "$3: $1, not $2"; cat "$TMP/body"; }; }
has() { grep -q "$1" "$TMP/body" || { complain "$2"; cat "$TMP/body"; }; }
is "$(ask PUT /v1/users/alice/services/ptt/alice '{"target":"sip:bob@127.0.0.1","emergency":true}')" 204 "alice's service"
is "$(ask PUT /v1/users/bob/services/ptt/bob '{"target":"alice"}')" 204 "bob's service"
is "$(ask POST /v1/activations '{"from":"alice"}')" 404 "no session yet"
caller alice --ptt --call="$PTT" --tone=440 --seconds=14 --srtp=any --expect-floor=granted,idle,granted
await alice joined
is "$(ask POST /v1/activations '{"from":"alice","to":["bob"]}')" 409 "bob is not there"
has '"unavailable":\[{"user":"bob","why":"offline"}\]' "the reason is not said"
is "$(ask POST /v1/activations '{"from":"alice","to":["carol"]}')" 409 "a target of another service"
has 'problem:target' "the reason is not said"
is "$(ask POST /v1/activations '{"to":["bob"]}')" 400 "nobody pushes"
caller bob --ptt --call="$PTT" --tone=620 --seconds=12 --bring="sip:alice@127.0.0.1" --drop-at=2:sip:alice@127.0.0.1 \
    --expect-floor=granted,idle,taken=sip:alice@127.0.0.1:$SERVER_PORT,idle --expect=440 --expect-at=4.5
await bob joined

# Bob, as a phone without floor control would: by REFER, and method=BYE.
await bob 'floor granted'
await alice 'floor taken by sip:bob'
is "$(ask POST /v1/activations '{"from":"alice"}')" 202 "the floor is bob's, who talks"
has '"state":"queued","position":1' "no place in the queue"
id=$(sed -n 's/.*"id":"\([0-9]*\)".*/\1/p' "$TMP/body")
is "$(ask DELETE "/v1/activations/$id")" 204 "leaving the queue"
await bob 'floor idle'

# Alice by HTTP: the answer comes with the floor.
begin=$(date +%s%N)
is "$(ask POST /v1/activations '{"from":"sip:alice@127.0.0.1","to":["bob"],"mode":"half","emergency":true}')" 201 "alice's push"
echo "POST to 201: $((($(date +%s%N) - begin) / 1000)) us"
id=$(sed -n 's/.*"id":"\([0-9]*\)".*/\1/p' "$TMP/body")
ask GET /v1/activations >/dev/null
has "\"id\":\"$id\",\"from\":\"alice\",\"state\":\"granted\"" "the push is not listed"
await alice 'floor granted'
ask GET /v1/channels >/dev/null
has '"name":"alice+bob","members":2,"floor":"taken","holder":"alice"' "the channel's page"
sleep 3
is "$(ask DELETE "/v1/activations/$id")" 204 "letting go"
is "$(ask DELETE "/v1/activations/$id")" 404 "twice"
sleep 0.5
ask GET /v1/sessions >/dev/null
has '"user":"alice".*"status":"provisioned"' "alice's session does not stand"
has '"user":"bob".*"status":"provisioned"' "bob's session does not stand"
is "$(ask POST /v1/activations '{"from":"alice"}')" 201 "the next push"
id=$(sed -n 's/.*"id":"\([0-9]*\)".*/\1/p' "$TMP/body")
is "$(ask DELETE "/v1/activations/$id")" 204 "letting go again"
is "$(ask DELETE /v1/users/bob/services/ptt/bob)" 204 "bob's service is taken away"
await bob 'bye: '
kill $(echo "$callers" | sed 's/.*alice:\([0-9]*\).*/\1/')
callers_wait
server_stop
verdict
