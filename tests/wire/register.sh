# A stock phone registers with its password and is called by name: baresip as it is configured by its user, and a
# conference that is asked to bring sip:alice@domain. A wrong password registers nobody; the registration outlives a
# restart of the server.
. "$(dirname "$0")/wire.sh"
command -v baresip >/dev/null || { echo "baresip is not installed"; exit 77; }
store=sqlite:$TMP/store.db
http=127.0.0.1:$(($(port_guess 0) + 9350))
printf 'sesame\n' | "$BIN/mixminusctl" user add alice --store="$store" --auth-realm=ims.example >/dev/null || complain "no account"
printf 'tulip\n' | "$BIN/mixminusctl" user add bob --store="$store" --auth-realm=ims.example >/dev/null || complain "no account"
server_start --store="$store" --auth=digest --auth-digests=MD5 --auth-realm=ims.example --dial-out=127.0.0.0/8 --http-listen="$http"
registered() { curl -sS --max-time 5 "http://$http/metrics" | awk '$1 == "mixminus_registered_phones" {print $2}'; }
# phone NAME PASSWORD: baresip with that account
phone() {
    mkdir -p "$TMP/$1"
    printf 'module_path /usr/lib/baresip/modules\nmodule stdio.so\nmodule g711.so\nmodule_app account.so\nmodule_app menu.so\nsip_listen 127.0.0.1:0\naudio_player aubridge,a\naudio_source aubridge,a\n' >"$TMP/$1/config"
    printf '<sip:%s@127.0.0.1:%s>;auth_user=%s;auth_pass=%s;regint=600;answermode=auto\n' "$1" "$SERVER_PORT" "$1" "$2" >"$TMP/$1/accounts"
    baresip -f "$TMP/$1" </dev/null >"$TMP/$1.log" 2>&1 &
    callers="$callers $1:$!"
}
phone eve guess
phone alice sesame
for i in $(seq 100); do [ "$(registered)" = 1 ] && break; sleep 0.1; done
[ "$(registered)" = 1 ] || { complain "alice is not registered"; show "$TMP/alice.log"; }
restart() {
    kill "$SERVER_PID" && wait "$SERVER_PID"
    "$BIN/mixminusd" --store="$store" --auth=digest --auth-digests=MD5 --auth-realm=ims.example --dial-out=127.0.0.0/8 --http-listen="$http" \
        --sip-listen="udp:127.0.0.1:$SERVER_PORT" --sip-listen="tcp:127.0.0.1:$SERVER_PORT" >>"$TMP/server.log" 2>&1 &
    SERVER_PID=$!
    for i in $(seq 100); do [ "$(registered 2>/dev/null)" = 1 ] && return; sleep 0.1; done
    complain "the registration is gone after the restart"
}
restart
conference bob --auth=bob:tulip --tone=440 --bring="sip:alice@127.0.0.1:$SERVER_PORT,sip:carol@127.0.0.1:$SERVER_PORT" --seconds=4
for i in $(seq 60); do grep -q 'notify: 200 OK' "$TMP/bob.log" && break; sleep 0.1; done
grep -q 'notify: 200 OK' "$TMP/bob.log" || { complain "alice is not brought in"; show "$TMP/bob.log" "$TMP/alice.log"; }
grep -q 'refer answered: 480' "$TMP/bob.log" || { complain "carol, who has no phone, is not refused with 480"; show "$TMP/bob.log"; }
grep -q 'sesame\|guess' "$TMP/server.log" && complain "a password is in the log"
callers_end
verdict
