# session without doing more, and pushes at once. Without a subscription there is no session; when one ends, so does its
# session; a terminal that registers again gets a lost one back.
# Rows 96, 97, 98, 99, 105, 106, 107, 108, 111.
. "$(dirname "$0")/wire.sh"
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
http=$(($(port_guess 0) + 9000))
server_start --http-listen=127.0.0.1:$http
AT=127.0.0.1:$SERVER_PORT
put() { curl -s -o "$TMP/body" -w '%{http_code}' --max-time 5 -X PUT -H 'Content-Type: application/json' -d "$2" "http://127.0.0.1:$http$1"; }
sessions() { curl -s --max-time 5 "http://127.0.0.1:$http/v1/sessions" >"$TMP/sessions"; }
is() { [ "$1" = "$2" ] || { complain "$3: $1, not $2"; cat "$TMP/body"; }; }
is "$(put /v1/groups/g1 '{"members":["sip:alice@127.0.0.1","sip:bob@127.0.0.1"]}')" 204 "the group"
is "$(put /v1/users/alice/services/ptt/alice '{"target":"g1"}')" 204 "alice's service"
is "$(put /v1/users/bob/services/ptt/bob '{"target":"g1"}')" 204 "bob's service"
caller carol --register="sip:$AT" --answer --ptt --seconds=2 --wait=2 # has not subscribed
caller eve --register="sip:$AT" --subscribe="sip:ptt@$AT" --answer --ptt --seconds=2 --wait=2 # has not the service
caller bob --register="sip:$AT" --subscribe="sip:ptt@$AT" --answer --ptt --tone=620 --seconds=6 \
    --expect-floor=taken=sip:alice@$AT,idle --expect=440 --expect-at=3.5
caller alice --register="sip:$AT" --subscribe="sip:ptt@$AT" --answer --ptt --tone=440 --seconds=6 --push-at=1 --release-at=4 \
    --expect-floor=granted,idle
await alice joined
await bob joined
for name in alice bob; do grep -q 'call from sip:ptt@' "$TMP/$name.log" || complain "$name is not called by the service"; done
await alice 'subscribed: 200'
sessions
grep -q '"user":"alice".*"status":"provisioned"' "$TMP/sessions" || { complain "alice has no session"; cat "$TMP/sessions"; }
await alice 'floor granted'
await eve 'subscribed: 403'
sleep 2.5
grep -q joined "$TMP/carol.log" && complain "a session without a subscription"
callers=$(echo "$callers" | sed 's/ carol:[0-9]*//; s/ eve:[0-9]*//')
callers_wait
server_stop
verdict
