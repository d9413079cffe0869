# Another stock softphone: one linphonec follows the factory's 302, another joins a conference, says a tone and keeps
# what it hears. It wants an interface that is not loopback. Shows C43. Rows 19, 35, 36 and 46.
. "$(dirname "$0")/wire.sh"
command -v linphonec >/dev/null || { echo "linphonec is not installed"; exit 77; }
host=$(ip -4 -o addr show scope global 2>/dev/null | awk '{sub(/\/.*/, "", $4); print $4; exit}')
[ -n "$host" ] || { echo "no interface but loopback"; exit 77; }

# linphone NAME PORT URI: says tone.wav for five seconds, keeps NAME.wav.
linphone() {
    mkdir -p "$TMP/$1/.local/share/linphone"
    printf '[sip]\nsip_port=%s\nsip_tcp_port=-1\nsip_tls_port=-1\nmedia_encryption=none\n[rtp]\naudio_rtp_port=%s\n' \
        "$2" $(($2 + 2000)) >"$TMP/$1/rc"
    (printf 'soundcard use files\nrecord %s\nplay %s\n' "$TMP/$1.wav" "$TMP/tone.wav"
        sleep 0.3
        echo "call $3"
        sleep 5
        echo terminate
        sleep 0.5
        echo quit) | HOME="$TMP/$1" timeout -k 2 15 linphonec -c "$TMP/$1/rc" >"$TMP/$1.log" 2>&1 &
    callers="$callers $1:$!"
}

sox -n -r 8000 -c 1 -b 16 "$TMP/tone.wav" synth 20 sine 620 gain -7.3 || complain "no tone"
server_start --sip-listen="udp:$host:$(($(port_guess 0) + 9000))" --rtp-interface="$host"
FACTORY=sip:conferences@$host:$(($(port_guess 0) + 9000))
conference alice --bind="$host" --tone=440 --seconds=8 --expect=620:-7.3 --expect-at=5
linphone bob $(($(port_guess 1) + 3000)) "$URI"
linphone carl $(($(port_guess 2) + 3000)) "$FACTORY"
callers_wait
for who in bob carl; do
    grep -q 'Media streams established' "$TMP/$who.log" || { complain "$who was not connected"; show "$TMP/$who.log"; }
done
"$BIN/mixminus-ua" --judge="$TMP/bob.wav" --expect=440:-20 --expect-at=4 --within=2 --clean=30 >"$TMP/judged" 2>&1 ||
    { complain "Bob does not hear Alice"; show "$TMP/judged"; }
verdict
