# The outbound proxy is called by TLS, asks who we are, and is told: here a second conference server plays it, which
# challenges whoever calls. Who is in one conference hears who is in the other. Without credentials there is no way.
# Shows C32.
. "$(dirname "$0")/wire.sh"
command -v openssl >/dev/null || { echo "openssl is not installed"; exit 77; }
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/ca.key" -out "$TMP/ca.pem" -subj /CN=authority -days 2 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1\n' >"$TMP/ext"
openssl req -newkey rsa:2048 -nodes -keyout "$TMP/key.pem" -out "$TMP/csr" -subj /CN=server 2>/dev/null &&
    openssl x509 -req -in "$TMP/csr" -CA "$TMP/ca.pem" -CAkey "$TMP/ca.key" -set_serial 2 -days 2 -extfile "$TMP/ext" \
        -out "$TMP/cert.pem" 2>/dev/null || complain "no certificate"
tls="--tls-cert=$TMP/cert.pem --tls-key=$TMP/key.pem --tls-ca=$TMP/ca.pem --tls-verify=peer"
store=sqlite:$TMP/store.db
printf 'tulip\n' | "$BIN/mixminusctl" user add mixer --store="$store" --auth-realm=far.example || complain "no account"
echo tulip >"$TMP/password"
echo daisy >"$TMP/wrong"

far=$(($(port_guess 0) + 6100))
"$BIN/mixminusd" --sip-listen="udp:127.0.0.1:$far,tls:127.0.0.1:$((far + 1))" $tls --domain=far.example --auth-realm=far.example \
    --store="$store" --auth=digest --netann=on --rtp-port-min=9600 --rtp-port-max=9699 >"$TMP/far.log" 2>&1 &
callers="far:$!"
far_pid=$!
near() {
    server_start --sip-listen="udp:127.0.0.1:$((far + 3)),tcp:127.0.0.1:$((far + 3)),tls:127.0.0.1:$((far + 2))" $tls \
        --dial-out=far.example --dial-proxy="tls:127.0.0.1:$((far + 1))" "$@"
}
for i in $(seq 50); do
    "$BIN/mixminus-ua" --options="sip:127.0.0.1:$far" --wait=1 >/dev/null 2>&1 && break
done

# Nobody has told it a password, or the wrong one: 401 or 403, and that is all.
near
conference carl --bring=sip:conf=hall@far.example --seconds=2
await carl 'notify: 401 Unauthorized, the last'
server_stop
near --dial-user=mixer@far.example --dial-password-file="$TMP/wrong"
conference dora --bring=sip:conf=hall@far.example --seconds=2
await dora 'notify: 403 Forbidden, the last'
server_stop

near --dial-user=mixer@far.example --dial-password-file="$TMP/password"
# Between the two servers it is Opus.
# shellcheck disable=SC2086
conference alice --tone=440 --bring=sip:conf=hall@far.example --expect=620 $OPUS_EAR --until-bye --seconds=60
await alice 'notify: 200 OK, the last'
hall="sip:conf=hall@127.0.0.1:$far"
caller ben --call="$hall" --auth=mixer:tulip --tone=620 --seconds=60
await ben joined
# shellcheck disable=SC2086
caller bob --call="$hall" --auth=mixer:tulip --expect=440,620 $OPUS_EAR --seconds=4
await bob left
server_stop
kill "$far_pid"
callers=$(echo "$callers" | tr ' ' '\n' | grep -E '^(alice|bob):' | tr '\n' ' ')
[ "$failed" -eq 0 ] || show "$TMP/far.log"
callers_wait
verdict
