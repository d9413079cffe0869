# Behind a proxy as carriers have it: Kamailio records its route, vouches for its callers by P-Asserted-Identity, adds
# what the network charges by and a route header of its own; every request within the dialogs goes through it, ours too.
# Shows C11. Row 16.
. "$(dirname "$0")/wire.sh"
kamailio=$(command -v kamailio || echo /usr/sbin/kamailio)
[ -x "$kamailio" ] || { echo "kamailio is not installed"; exit 77; }
proxy=$(($(port_guess 0) + 8000))
callee=$(($(port_guess 5) + 9000))
store=sqlite:$TMP/store.db
printf 'sesame\n' | "$BIN/mixminusctl" user add alice --store="$store" --auth-realm=ims.example || complain "no account"
server_start --store="$store" --auth=digest --auth-realm=ims.example --auth-trusted=127.0.0.1 --sip-session-expires-s=90
cat >"$TMP/kamailio.cfg" <<CFG
debug=2
log_stderror=yes
fork=no
children=1
listen=udp:127.0.0.1:$proxy
listen=tcp:127.0.0.1:$proxy
tcp_accept_no_cl=no
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("rr", "enable_full_lr", 1)
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    xlog("L_NOTICE", "seen \$rm from \$fu\n");
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("INVITE|SUBSCRIBE|REFER")) record_route();
    if (\$rd == "callee.example") { \$du = "sip:127.0.0.1:$callee"; t_relay(); exit; }
    if (\$fU == "alice" || \$fU == "bob") append_hf("P-Asserted-Identity: <sip:\$fU@ims.example>\r\n");
    append_hf("P-Charging-Vector: icid-value=\$ci\r\n");
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

# Alice is known by what the proxy says of her: no challenge. Eve is not, and is asked.
conference alice --proxy="127.0.0.1:$proxy" --tone=440 --seconds=5 --hold-at=1.5 --resume-at=2.5 --expect=620
caller bob --call="$URI" --proxy="127.0.0.1:$proxy" --tone=620 --seconds=4.5 --expect=440
caller carl --call="$URI" --proxy="127.0.0.1:$proxy" --transport=tcp --auth=alice:sesame --tone=700 --seconds=1
caller eve --factory="$FACTORY" --proxy="127.0.0.1:$proxy"
await eve 'failed: 401'
await carl joined
# Our own requests go by the recorded route as well: the server ends, its BYEs pass the proxy.
caller dora --call="$URI" --proxy="127.0.0.1:$proxy" --auth=alice:sesame --seconds=20 --until-bye
await dora joined
kept=
for c in $callers; do case $c in alice:* | bob:* | carl:*) wait "${c#*:}" || { complain "${c%%:*} is not content"; show "$TMP/${c%%:*}.log"; } ;; dora:* | kamailio:*) kept="$kept $c" ;; esac; done
callers=$kept
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "the server ends with $SERVER_CODE"
for c in $callers; do case $c in dora:*) wait "${c#*:}" || complain "Dora has no BYE" ;; esac; done
grep -q 'seen BYE' "$TMP/kamailio.log" && grep -q 'seen ACK' "$TMP/kamailio.log" || complain "the route was not kept"
[ "$(grep -c 'seen INVITE' "$TMP/kamailio.log")" -ge 8 ] || complain "re-INVITEs did not come by the proxy"
callers=$(echo "$callers" | tr ' ' '\n' | grep '^kamailio:')

# And it is the way out: the conference calls somebody through it and removes him again; a call that it leads back to
# the conference's own server is known as such.
store=
server_port=$SERVER_PORT
kept=$callers
env "$BIN/mixminusd" --sip-listen="udp:127.0.0.1:$server_port" --sip-listen="tcp:127.0.0.1:$server_port" --store=memory \
    --dial-out=any --dial-proxy="udp:127.0.0.1:$proxy" >"$TMP/server.log" 2>&1 &
SERVER_PID=$!
caller eric --answer --bind="127.0.0.1:$callee" --tone=620 --expect=440 --expect-at=2.5 --seconds=20 --until-bye
await eric waiting
: >"$TMP/kamailio.log"
conference fay --tone=440 --bring=sip:eric@callee.example,sip:nobody@loop.example --expect=620 --expect-at=2.7 \
    --drop-at=3.2:sip:eric@callee.example --seconds=4
for c in $callers; do case $c in eric:*) wait "${c#*:}" || { complain "Eric is not content"; show "$TMP/eric.log"; } ;; fay:*) wait "${c#*:}" ;; esac; done
grep -q 'notify: 200 OK, the last' "$TMP/fay.log" || complain "Eric was not called"
grep -q 'notify: 482 .*, the last' "$TMP/fay.log" || complain "the loop was not noticed"
grep -q 'WRONG' "$TMP/fay.log" && complain "Fay does not hear Eric"
grep -q 'seen BYE from' "$TMP/kamailio.log" || complain "the BYE did not come by the proxy"
[ "$failed" -eq 0 ] || show "$TMP/fay.log" "$TMP/eric.log"
callers=$kept
[ "$failed" -eq 0 ] || show "$TMP/kamailio.log"
verdict
