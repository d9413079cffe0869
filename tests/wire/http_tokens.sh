# Who may read the pages: a token and TLS where others reach them, a refusal to start without; probes are open; the
# control socket serves mixminusctl. Attack A44.
. "$(dirname "$0")/wire.sh"
for needed in curl openssl; do
    command -v $needed >/dev/null || { echo "$needed is not installed"; exit 77; }
done
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/key.pem" -out "$TMP/cert.pem" -subj /CN=mixminus -days 2 2>/dev/null
port=$(($(port_guess 0) + 9300))
ctl=$BIN/mixminusctl
"$BIN/mixminusd" --check-config --store=memory --http-listen=0.0.0.0:$port >"$TMP/open" 2>&1 && complain "it starts open"
grep -q 'give --http-tokens' "$TMP/open" || complain "the refusal does not name the fix"
metrics=$("$ctl" token add "$TMP/tokens" --scope=metrics 2>/dev/null)
reader=$("$ctl" token add "$TMP/tokens" --days=1 2>/dev/null)
[ "$(grep -c "${metrics#mm_*_}" "$TMP/tokens")" = 0 ] || complain "the file has the secret"
"$BIN/mixminusd" --store="sqlite:$TMP/store.db" --sip-listen="udp:127.0.0.1:$((port + 1))" --http-listen=0.0.0.0:$port \
    --http-tokens="$TMP/tokens" --http-tls-cert="$TMP/cert.pem" --http-tls-key="$TMP/key.pem" >"$TMP/server.log" 2>&1 &
SERVER_PID=$!
until_up() { for i in $(seq 100); do "$ctl" show live --store="sqlite:$TMP/store.db" >/dev/null 2>&1 && return; sleep 0.1; done; complain "it does not start"; }
until_up
# status PATH [TOKEN]
status() { curl -sk --max-time 5 -o "$TMP/body" -w '%{http_code}' ${2:+-H "Authorization: Bearer $2"} "https://127.0.0.1:$port$1"; }
is() { [ "$1" = "$2" ] || complain "$3: $1, not $2"; }
is "$(status /metrics)" 401 "metrics without a token"
is "$(status /metrics "$metrics")" 200 "metrics with its token"
is "$(status /v1/conferences "$metrics")" 403 "conferences with the token of metrics"
grep -q '"type":"urn:mixminus:problem:scope"' "$TMP/body" || complain "no problem details"
is "$(status /v1/conferences "$reader")" 200 "conferences with a reader's token"
is "$(status /livez)" 200 "livez"
is "$(status /readyz)" 200 "readyz"
for i in $(seq 11); do status /metrics mm_00000000_0 >/dev/null; done
is "$(status /metrics "$metrics")" 429 "after eleven wrong ones"
[ "$("$ctl" show conferences --store="sqlite:$TMP/store.db")" = '{"conferences":[]}' ] || complain "show conferences"
"$ctl" show nothing --store=memory >/dev/null 2>&1
is $? 2 "show nothing"
kill "$SERVER_PID"
wait "$SERVER_PID" || complain "it does not end well"
[ ! -e "$TMP/store.db.sock" ] || complain "the socket is left behind"
"$ctl" show live --store="sqlite:$TMP/store.db" >/dev/null 2>&1
is $? 3 "show without a server"
grep -E "$metrics|$reader" "$TMP/server.log" && complain "a token is in the log"
verdict
