# A second opinion on our documents: two stock softphones publish and watch each other. Alice's reads from our NOTIFYs
# that Bob is there, and that he has left. It wants an interface that is not loopback. Row 111.
. "$(dirname "$0")/wire.sh"
command -v linphonec >/dev/null || { echo "linphonec is not installed"; exit 77; }
host=$(ip -4 -o addr show scope global 2>/dev/null | awk '{sub(/\/.*/, "", $4); print $4; exit}')
[ -n "$host" ] || { echo "no interface but loopback"; exit 77; }
store=sqlite:$TMP/store.db
for user in alice:sesame bob:tulip; do
    printf '%s\n' "${user#*:}" | "$BIN/mixminusctl" user add "${user%:*}" --store="$store" --auth-realm=ims.example >/dev/null || complain "no account"
done
port=$(($(port_guess 0) + 9000))
server_start --store="$store" --auth=digest --auth-digests=MD5 --auth-realm=ims.example --control-socket="$TMP/control" \
    --presence-default=allow --sip-listen="udp:$host:$port"

# linphone NAME PASSWORD PORT FRIEND SECONDS
linphone() {
    mkdir -p "$TMP/$1/.local/share/linphone"
    {
        printf '[sip]\nsip_port=%s\nsip_tcp_port=-1\nsip_tls_port=-1\nmedia_encryption=none\ndefault_proxy=0\n' "$3"
        printf '[rtp]\naudio_rtp_port=%s\n' $(($3 + 2000))
        printf '[proxy_0]\nreg_proxy=<sip:%s:%s>\nreg_identity=sip:%s@%s\nreg_expires=600\nreg_sendregister=1\npublish=1\n' "$host" "$port" "$1" "$host"
        printf '[auth_info_0]\nusername=%s\npasswd=%s\nrealm=ims.example\n' "$1" "$2"
        printf '[friend_0]\nurl=<sip:%s@%s:%s>\npol=accept\nsubscribe=1\n' "$4" "$host" "$port"
    } >"$TMP/$1/rc"
    (sleep "$5"; echo quit) | HOME="$TMP/$1" timeout -k 2 40 linphonec -d 6 -l "$TMP/$1.full" -c "$TMP/$1/rc" >"$TMP/$1.log" 2>&1 &
    callers="$callers $1:$!"
}
hears() {
    for i in $(seq 120); do grep -aq "notified that.*bob@.*has presence \[$1\]" "$TMP/alice.full" 2>/dev/null && return; sleep 0.1; done
    complain "alice's phone does not read that bob is $1"
    grep -aE 'notified that|^SIP/2.0|^<presence' "$TMP/alice.full" | tail -20
}
linphone alice sesame $(($(port_guess 1) + 3000)) bob 25
for i in $(seq 100); do grep -aq '^NOTIFY' "$TMP/alice.full" 2>/dev/null && break; sleep 0.1; done
linphone bob tulip $(($(port_guess 2) + 3000)) alice 6
hears open
"$BIN/mixminusctl" presence list --control-socket="$TMP/control" >"$TMP/list"
grep -q '"user":"bob".*"status":"registered"' "$TMP/list" || { complain "bob is not registered"; show "$TMP/list"; }
: >"$TMP/alice.full"
hears closed
callers_end
verdict
