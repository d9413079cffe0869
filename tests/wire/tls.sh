# SIP over TLS: callers come in and hear each other, certificates are looked at in both directions where that is asked
# for, garbage and silence cost nothing, and SIGHUP brings a new certificate without a restart.
. "$(dirname "$0")/wire.sh"
command -v openssl >/dev/null || { echo "openssl is not installed"; exit 77; }
cert() { # NAME SERIAL: signed by our own authority, for 127.0.0.1
    openssl req -newkey rsa:2048 -nodes -keyout "$TMP/$1.key" -out "$TMP/$1.csr" -subj "/CN=$1" 2>/dev/null &&
        printf 'subjectAltName=IP:127.0.0.1\n' >"$TMP/ext" &&
        openssl x509 -req -in "$TMP/$1.csr" -CA "$TMP/ca.pem" -CAkey "$TMP/ca.key" -set_serial "$2" -days 2 \
            -extfile "$TMP/ext" -out "$TMP/$1.pem" 2>/dev/null || complain "no certificate $1"
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/ca.key" -out "$TMP/ca.pem" -subj /CN=authority -days 2 2>/dev/null
cert server 2
cert other 3
cert client 4

port=$(($(port_guess 0) + 7000))
server_start --sip-listen="tls:127.0.0.1:$port" --tls-cert="$TMP/server.pem" --tls-key="$TMP/server.key"
caller alice --factory="sip:conferences@127.0.0.1:$port;transport=tls" --transport=tls --tls-ca="$TMP/ca.pem" \
    --tone=440 --seconds=4 --expect=620
await alice joined
URI=$(sed -n 's/.*joined \(sip:[^ ]*\).*/\1/p' "$TMP/alice.log" | head -n 1)
case $URI in *":$port;transport=tls"*) ;; *) complain "its URI is $URI" ;; esac
caller bob --call="$URI" --transport=tls --tone=620 --seconds=3.5 --expect=440
caller eve --factory="sip:conferences@127.0.0.1:$port;transport=tls" --transport=tls --tls-ca="$TMP/client.pem" --wait=3
# Nobody who talks something else stays, and nobody is held up by them.
head -c 4096 /dev/urandom >"$TMP/noise"
for i in 1 2 3 4 5; do curl -s --max-time 2 "http://127.0.0.1:$port/" >/dev/null; done
timeout 2 openssl s_client -connect "127.0.0.1:$port" -tls1_1 </dev/null >"$TMP/old" 2>&1 && complain "TLS 1.1 was taken"
timeout 2 openssl s_client -connect "127.0.0.1:$port" -quiet <"$TMP/noise" >/dev/null 2>&1
await eve failed
grep -q joined "$TMP/eve.log" && complain "Eve took a certificate that she does not know"
callers=$(echo "$callers" | tr ' ' '\n' | grep -E '^(alice|bob):' | tr '\n' ' ')
callers_wait
serial() { timeout 3 openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
[ "$(serial)" = serial=02 ] || complain "serial is $(serial)"
cp "$TMP/other.pem" "$TMP/server.pem"
kill -HUP "$SERVER_PID"
sleep 0.5
[ "$(serial)" = serial=02 ] || complain "a certificate without its key was taken"
grep -q 'old certificate stays' "$TMP/server.log" || complain "it does not say so"
cp "$TMP/other.key" "$TMP/server.key"
kill -HUP "$SERVER_PID"
sleep 0.5
[ "$(serial)" = serial=03 ] || complain "the new certificate is not there"
server_stop

# Both sides prove themselves.
server_start --sip-listen="tls:127.0.0.1:$port" --tls-cert="$TMP/other.pem" --tls-key="$TMP/other.key" \
    --tls-ca="$TMP/ca.pem" --tls-verify=peer
printf 'OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKt\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: t\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n' >"$TMP/options"
ask() { (cat "$TMP/options"; sleep 1) | timeout 3 openssl s_client -connect "127.0.0.1:$port" -quiet "$@" 2>/dev/null; }
ask -cert "$TMP/client.pem" -key "$TMP/client.key" | grep -q 'SIP/2.0 200' || complain "a proven client gets no answer"
ask | grep -q 'SIP/2.0' && complain "an unproven client gets one"

# What is wrong is said, and nothing starts.
say() { # WORDS flags...
    words=$1
    shift
    "$BIN/mixminusd" --store=memory --sip-listen=tls:127.0.0.1:0 "$@" >"$TMP/wrong" 2>&1 && complain "it starts with $*"
    grep -q "$words" "$TMP/wrong" || { complain "it does not say '$words'"; show "$TMP/wrong"; }
}
say 'give --tls-cert'
say 'no certificate in PEM' --tls-cert="$TMP/noise"
say 'no certificate in PEM' --tls-cert="$TMP/nowhere"
say 'key' --tls-cert="$TMP/client.pem" --tls-key="$TMP/other.key"
say 'no certificates in PEM' --tls-cert="$TMP/other.pem" --tls-key="$TMP/other.key" --tls-ca="$TMP/noise"
verdict
