# Presence behind a carrier's edge: Kamailio puts itself into the Path of registrations and the route of subscriptions,
# and vouches for its users. A user of the same name in another domain is somebody else. Row 78. A48.
. "$(dirname "$0")/wire.sh"
kamailio=$(command -v kamailio || echo /usr/sbin/kamailio)
[ -x "$kamailio" ] || { echo "kamailio is not installed"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
proxy=$(($(port_guess 0) + 8000))
store=sqlite:$TMP/store.db
printf 'tulip\n' | "$BIN/mixminusctl" user add eve --store="$store" --auth-realm=ims.example >/dev/null || complain "no account"
server_start --store="$store" --auth=digest --auth-digests=MD5 --auth-realm=ims.example --auth-trusted=127.0.0.1 --control-socket="$TMP/control"
cat >"$TMP/kamailio.cfg" <<CFG
debug=2
log_stderror=yes
fork=no
children=1
listen=udp:127.0.0.1:$proxy
listen=tcp:127.0.0.1:$proxy
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
modparam("rr", "enable_full_lr", 1)
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("SUBSCRIBE")) record_route();
    if (is_method("REGISTER")) add_path();
    if (\$fU == "alice" || \$fU == "bob") append_hf("P-Asserted-Identity: <sip:\$fU@127.0.0.1>\r\n");
    if (\$fU == "mallory") append_hf("P-Asserted-Identity: <sip:bob@elsewhere.example>\r\n");
    \$du = "sip:127.0.0.1:$SERVER_PORT";
    t_relay();
}
CFG
"$kamailio" -f "$TMP/kamailio.cfg" -DD -E -Y "$TMP" -m 32 -M 4 >"$TMP/kamailio.log" 2>&1 &
callers="$callers kamailio:$!"
for i in $(seq 50); do
    "$BIN/mixminus-ua" --options="sip:127.0.0.1:$SERVER_PORT" --proxy="127.0.0.1:$proxy" --wait=1 >/dev/null 2>&1 && break
    sleep 0.1
done
"$BIN/mixminusctl" rules set bob sip:alice@127.0.0.1=allow --control-socket="$TMP/control" || complain "no rules"
PYTHONPATH=$here python3 "$here/presence_kamailio.py" "$proxy" "$SERVER_PORT" >"$TMP/said" 2>&1
[ -s "$TMP/said" ] && { complain "the users complain"; show "$TMP/said" "$TMP/kamailio.log"; }
callers_end
verdict
