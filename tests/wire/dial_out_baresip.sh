# Stock peers on the called side: a softphone that the conference calls answers, is heard and hears; and one that has
# moved (sipp) sends us on to it. They want an interface that is not loopback.
. "$(dirname "$0")/wire.sh"
command -v baresip >/dev/null && command -v sipp >/dev/null || exit 77
modules=$(ls -d /usr/lib/baresip/modules /usr/lib/*/baresip/modules 2>/dev/null | head -n 1)
for m in g711 ausine aubridge sndfile account menu; do
    [ -f "$modules/$m.so" ] || { echo "baresip has no module $m"; exit 77; }
done
host=$(ip -4 -o addr show scope global 2>/dev/null | awk '{sub(/\/.*/, "", $4); print $4; exit}')
[ -n "$host" ] || { echo "no interface but loopback"; exit 77; }
server_start --sip-listen="udp:$host:$(($(port_guess 0) + 9000))" --rtp-interface="$host" --dial-out="$host"
FACTORY=sip:conferences@$host:$(($(port_guess 0) + 9000))
port=$(port_guess 31)
mkdir -p "$TMP/bob"
cat >"$TMP/bob/config" <<END
sip_listen $host:$port
audio_source ausine,610
audio_player aubridge,bob
audio_alert aubridge,bob
ausrc_srate 48000
ausrc_channels 2
auplay_srate 48000
auplay_channels 2
rtp_ports 26000-26999
snd_path $TMP/bob
module_path $modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
END
echo "<sip:bob@$host>;regint=0;audio_codecs=PCMU/8000/1;answermode=auto" >"$TMP/bob/accounts"
: >"$TMP/bob/contacts"
timeout 20 baresip -s -f "$TMP/bob" -t 10 >"$TMP/bob.log" 2>&1 </dev/null &
callers="$callers bob:$!"
moved=$(port_guess 37)
sed "s/@TARGET@/sip:bob@$host:$port/" "$SIPP/called/moved.xml" >"$TMP/moved.xml"
(cd "$TMP" && exec timeout 20 sipp -sf "$TMP/moved.xml" -i "$host" -p "$moved" -m 1 -nostdin >"$TMP/sipp.log" 2>&1) &
callers="$callers moved:$!"
sleep 1
conference alice --bind="$host" --tone=440 --bring="sip:bob@$host:$moved" --expect=610:-7.3 --expect-at=4.5 --seconds=5
callers_wait
grep -q 'notify: 200 OK, the last' "$TMP/alice.log" || complain "no NOTIFY 200"
tr '\r' '\n' <"$TMP/bob.log" | grep -q 'CSeq: 2 INVITE' || complain "the redirect was not followed with the next CSeq"
"$BIN/mixminus-ua" --name=bob --judge="$(ls "$TMP/bob"/dump-*-dec.wav)" --expect=440 --tone=610:-7.3 --expect-at=3 \
    >"$TMP/bob.judged" 2>&1 || complain "Bob does not hear Alice"
[ "$failed" -eq 0 ] || { show "$TMP/alice.log" "$TMP/bob.judged" "$TMP/sipp.log"; tr '\r' '\n' <"$TMP/bob.log" | tail -n 80; }
verdict
