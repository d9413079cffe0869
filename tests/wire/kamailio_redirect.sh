# The proxy of tools/examples/kamailio.cfg, as shipped: it passes Kamailio's own check, routes factory and conferences by
# their domain, and follows the factory's 302 itself. From tag, Call-ID and CSeq of what comes then are those of the
# INVITE that was redirected, the branch is another; the phone has its conference and has never heard of the 302.
# Without FOLLOW_302 the same 302 reaches the phone, which follows it by the proxy. The conference calls out by it, too.
. "$(dirname "$0")/wire.sh"
kamailio=$(command -v kamailio || echo /usr/sbin/kamailio)
[ -x "$kamailio" ] || { echo "kamailio is not installed"; exit 77; }
example=$(dirname "$0")/../../tools/examples/kamailio.cfg
"$kamailio" -c -f "$example" >"$TMP/check" 2>&1 || { complain "Kamailio refuses the example"; show "$TMP/check"; }
proxy=$(($(port_guess 0) + 8000))
server_start --domain=conf.example.net --auth-trusted=127.0.0.3 --dial-out=127.0.0.2 --dial-proxy="udp:127.0.0.3:$proxy"

# proxy_start SCRIPT: with its own addresses, and what the sed script changes. Phones are 127.0.0.2, the proxy 127.0.0.3.
proxy_start() {
    sed -e "s/192.0.2.1:5060!g/127.0.0.3:$proxy!g/; s/192.0.2.10:5060!g/127.0.0.1:$SERVER_PORT!g/; s/192.0.2.10!g/127.0.0.1!g/" \
        -e 's/^debug=2/debug=2\nfork=no/; s/^log_stderror=no/log_stderror=yes/; s/^children=4/children=1/' \
        -e 's/^    # Requests within a dialog/    xlog("L_NOTICE", "seen $rm of $si\\n");\n&/; s/^        get_redirects/        xlog("L_NOTICE", "following\\n");\n&/' \
        -e "$1" "$example" >"$TMP/kamailio.cfg"
    "$kamailio" -f "$TMP/kamailio.cfg" -DD -E -Y "$TMP" -m 32 -M 4 >"$TMP/kamailio.log" 2>&1 &
    kamailio_pid=$!
    callers=kamailio:$kamailio_pid
    for i in $(seq 50); do
        "$BIN/mixminus-ua" --bind=127.0.0.2 --options=sip:conf.example.net --proxy="127.0.0.3:$proxy" --wait=1 >/dev/null 2>&1 && return
        sleep 0.1
    done
    complain "the proxy does not answer"
    show "$TMP/kamailio.log"
    verdict
}
proxy_stop() {
    kill "$kamailio_pid" && wait "$kamailio_pid" 2>/dev/null
    callers=
}
phone() { # phone NAME flags...
    name=$1
    shift
    caller "$name" --bind=127.0.0.2 --proxy="127.0.0.3:$proxy" "$@"
}
phones_wait() {
    for c in $callers; do
        case $c in
        kamailio:*) ;;
        *) wait "${c#*:}" || { complain "${c%%:*} is not content"; show "$TMP/${c%%:*}.log"; } ;;
        esac
    done
    callers=kamailio:$kamailio_pid
}
FACTORY=sip:conferences@conf.example.net

proxy_start ''
phone eric --answer --bind=127.0.0.2:$((proxy + 1)) --tone=700 --expect=440,620 --expect-at=1.5 --seconds=20 --until-bye
await eric waiting
phone alice --factory="$FACTORY" --tone=440 --seconds=4 --expect=620,700 --expect-at=3.5 --bring=sip:eric@127.0.0.2:$((proxy + 1)) \
    --drop-at=3.8:sip:eric@127.0.0.2:$((proxy + 1))
await alice joined
URI=$(sed -n 's/.*joined \(sip:[^ ;]*\).*/\1/p' "$TMP/alice.log" | head -n 1)
case $URI in *@conf.example.net) ;; *) complain "the conference is $URI" ;; esac
phone bob --call="$URI" --tone=620 --seconds=3.9 --expect=440,700 --expect-at=3
phones_wait
grep -q following "$TMP/kamailio.log" || complain "the proxy has not followed"
grep -q 'redirect' "$TMP/alice.log" && complain "the 302 reached the phone"
grep -q 'seen INVITE of 127.0.0.1' "$TMP/kamailio.log" || complain "the call out did not come by the proxy"
[ "$failed" -eq 0 ] || show "$TMP/kamailio.log"
proxy_stop

proxy_start 's/^#!define FOLLOW_302/#FOLLOW_302/'
phone carl --factory="$FACTORY" --seconds=0.5
phones_wait
grep -q following "$TMP/kamailio.log" && complain "the proxy follows, and should not"
[ "$(grep -c 'seen INVITE of 127.0.0.2' "$TMP/kamailio.log")" -eq 2 ] || { complain "the phone did not follow by the proxy"; show "$TMP/kamailio.log"; }
verdict
