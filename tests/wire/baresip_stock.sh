# A stock softphone as it comes, nothing said of networks (fault A2): on a machine with another address than 127.0.0.1 it
# names that in SIP and SDP, and its RTP comes from 127.0.0.1 all the same. It hears, is heard, and is there for longer
# than --quiet-s.
. "$(dirname "$0")/wire.sh"
command -v baresip >/dev/null || exit 77
modules=$(ls -d /usr/lib/baresip/modules /usr/lib/*/baresip/modules 2>/dev/null | head -n 1)
for m in g711 ausine aubridge sndfile account menu; do
    [ -f "$modules/$m.so" ] || { echo "baresip has no module $m"; exit 77; }
done
lan=$(ip -4 -o addr show scope global 2>/dev/null | sed -n 's/.* inet \([0-9.]*\).*/\1/p' | head -n 1)
[ -n "$lan" ] || { echo "this machine has no address but loopback"; exit 77; }
server_start --quiet-s=5
conference alice --tone=440 --expect=610:-7.3 --expect-at=9 --seconds=12
mkdir -p "$TMP/bob"
cat >"$TMP/bob/config" <<END
audio_source ausine,610
audio_player aubridge,bob
audio_alert aubridge,bob
ausrc_srate 48000
ausrc_channels 2
auplay_srate 48000
auplay_channels 2
snd_path $TMP/bob
module_path $modules
module g711.so
module ausine.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
END
echo "<sip:bob@$lan>;regint=0;audio_codecs=PCMU/8000/1" >"$TMP/bob/accounts"
: >"$TMP/bob/contacts"
timeout 25 baresip -s -f "$TMP/bob" -e "/dial $URI" -t 14 >"$TMP/bob.log" 2>&1 </dev/null &
bob=$!
await bob 'Call established'
tr '\r' '\n' <"$TMP/bob.log" | grep -q "^c=IN IP4 $lan" || complain "it names another address than $lan: this shows nothing"
callers_wait
kill $bob 2>/dev/null
wait $bob 2>/dev/null
"$BIN/mixminus-ua" --name=bob --judge="$(ls "$TMP/bob"/dump-*-dec.wav)" --expect=440 --tone=610 --expect-at=4.5 \
    >"$TMP/bob.judged" 2>&1 || { complain "bob does not hear what it should"; show "$TMP/bob.judged"; }
grep -q 'no RTP' "$TMP/server.log" && complain "it was thought gone, or not heard"
verdict
