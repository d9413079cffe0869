# A proxy that follows the factory's 302 itself, as Kamailio with get_redirects does: From tag, Call-ID and CSeq are those
# of the INVITE that was redirected, the branch is another. Its phone has its conference and has never heard of the 302.
. "$(dirname "$0")/wire.sh"
kamailio=$(command -v kamailio || echo /usr/sbin/kamailio)
[ -x "$kamailio" ] || { echo "kamailio is not installed"; exit 77; }
proxy=$(($(port_guess 0) + 8000))
server_start
cat >"$TMP/kamailio.cfg" <<CFG
debug=2
log_stderror=yes
fork=no
children=1
listen=udp:127.0.0.1:$proxy
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "acc.so"
loadmodule "uac_redirect.so"
loadmodule "xlog.so"
request_route {
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("INVITE")) { record_route(); t_on_failure("follow"); }
    \$du = "sip:127.0.0.1:$SERVER_PORT";
    t_relay();
}
failure_route[follow] {
    if (t_check_status("302")) {
        xlog("L_NOTICE", "following\n");
        get_redirects("3:3");
        t_relay();
    }
}
CFG
"$kamailio" -f "$TMP/kamailio.cfg" -DD -E -Y "$TMP" -m 32 -M 4 >"$TMP/kamailio.log" 2>&1 &
callers="$callers kamailio:$!"
kamailio_pid=$!
for i in $(seq 50); do
    "$BIN/mixminus-ua" --options="sip:127.0.0.1:$SERVER_PORT" --proxy="127.0.0.1:$proxy" --wait=1 >/dev/null 2>&1 && break
    sleep 0.1
done
caller alice --factory="$FACTORY" --proxy="127.0.0.1:$proxy" --tone=440 --seconds=4 --expect=620
for i in $(seq 60); do grep -q joined "$TMP/alice.log" && break; sleep 0.05; done
grep -q joined "$TMP/alice.log" || { complain "Alice has no conference"; show "$TMP/alice.log" "$TMP/kamailio.log"; verdict; }
URI=$(sed -n 's/.*joined \(sip:[^ ;]*\).*/\1/p' "$TMP/alice.log" | head -n 1)
caller bob --call="$URI" --tone=620 --seconds=3.5 --expect=440
for c in $callers; do
    case $c in
    kamailio:*) ;;
    *) wait "${c#*:}" || { complain "${c%%:*} is not content"; show "$TMP/${c%%:*}.log"; } ;;
    esac
done
callers=kamailio:$kamailio_pid
grep -q following "$TMP/kamailio.log" || complain "the proxy has not followed"
[ "$failed" -eq 0 ] || show "$TMP/kamailio.log"
verdict
