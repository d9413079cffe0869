# Two stock softphones: the first dials the factory and follows the 302, the second dials the conference. Each plays a
# tone (-7.3 dBFS, as its module makes it) and keeps what it hears: the other's tone, and nothing of its own. With the
# word srtp they insist on it, one by RTP/SAVP, the other by RTP/SAVPF. Rows 1, 16, 19, 34 and 36.
. "$(dirname "$0")/wire.sh"
command -v baresip >/dev/null || exit 77
modules=$(ls -d /usr/lib/baresip/modules /usr/lib/*/baresip/modules 2>/dev/null | head -n 1)
secure=${1:-}
for m in g711 ausine aubridge sndfile account menu $secure; do
    [ -f "$modules/$m.so" ] || { echo "baresip has no module $m"; exit 77; }
done

# phone NAME HZ URI PROFILE: calls for eight seconds, tracing its SIP.
phone() {
    mkdir -p "$TMP/$1"
    cat >"$TMP/$1/config" <<END
sip_listen 127.0.0.1:$(port_guess "$2")
audio_source ausine,$2
audio_player aubridge,$1
audio_alert aubridge,$1
ausrc_srate 48000
ausrc_channels 2
auplay_srate 48000
auplay_channels 2
rtp_ports 26000-26999
snd_path $TMP/$1
module_path $modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
${secure:+module srtp.so}
module_tmp account.so
module_app menu.so
END
    echo "<sip:$1@127.0.0.1>;regint=0;audio_codecs=PCMU/8000/1${secure:+;mediaenc=$4}" >"$TMP/$1/accounts"
    : >"$TMP/$1/contacts"
    timeout 20 baresip -s -f "$TMP/$1" -e "/dial $3" -t 8 >"$TMP/$1.log" 2>&1 </dev/null &
    callers="$callers $1:$!"
}

# heard NAME OWN OTHER: its recording, judged in its middle.
heard() {
    "$BIN/mixminus-ua" --name="$1" --judge="$(ls "$TMP/$1"/dump-*-dec.wav)" --expect="$3:-7.3" --tone="$2:-7.3" \
        --expect-at=4.5 >"$TMP/$1.judged" 2>&1 && return
    complain "$1 does not hear what it should"
    show "$TMP/$1.judged"
    tr '\r' '\n' <"$TMP/$1.log" | tail -n 60
}

server_start
phone alice 430 "$FACTORY" srtp-mand
await alice 'Call established'
uri=$(tr '\r' '\n' <"$TMP/alice.log" | sed -n 's/^Contact: <\(sip:[a-z2-7]*@[^>]*\)>;expires.*/\1/p' | head -n 1)
[ -n "$uri" ] || complain "no 302 in Alice's trace"
phone bob 610 "$uri" srtp-mandf
await bob 'Call established'
callers_wait
[ -z "$secure" ] || grep -q 'a=crypto:.*inline:' "$TMP/alice.log" || complain "Alice got no key"
heard alice 430 610
heard bob 610 430
[ "$failed" -eq 0 ] && cat "$TMP/alice.judged" "$TMP/bob.judged"
verdict
