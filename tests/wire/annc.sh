# RFC 4240 3: sip:annc@host;play=file:///NAME.wav plays a recording of the folder, as often as asked, and the server hangs
# up; what is not there is 404, dialog is 501. Names lead nowhere else.
. "$(dirname "$0")/wire.sh"
command -v sox >/dev/null || exit 77
mkdir "$TMP/prompts"
tone() { sox -n -r "$3" -c 1 -b 16 "$TMP/$1.wav" synth "$4" sine "$2" vol -20dB; }
tone prompts/hello 1000 44100 2
tone secret 1400 16000 2
server_start --netann=on --prompts="$TMP/prompts"
host=127.0.0.1:$SERVER_PORT
caller once --call="sip:annc@$host;play=file:///hello.wav" --tone=440 --seconds=20 --until-bye --record="$TMP/once.wav"
caller twice --call="sip:annc@$host;play=file:///hello.wav;repeat=2" --tone=440 --seconds=20 --until-bye \
    --codec=opus --record="$TMP/twice.wav"
callers_wait
# Tenths of a second with sound, from the first to the last.
length() { sox "$TMP/$1.wav" -n silence 1 0.05 1% reverse silence 1 0.05 1% stat 2>&1 | awk '/Length/ {print int($3 * 10)}'; }
for who in once twice; do
    "$BIN/mixminus-ua" --judge="$TMP/$who.wav" --tone=440 --expect=1000 --expect-at=2 >"$TMP/judged" 2>&1 ||
        { complain "$who does not hear it"; show "$TMP/judged"; }
done
[ "$(grep -c 'call .* ends: announcement is over' "$TMP/server.log")" = 2 ] || complain "the server did not hang up twice"
once=$(length once) twice=$(length twice)
[ "$once" -ge 17 ] && [ "$once" -le 25 ] || complain "it is heard for $once tenths of a second instead of 20"
[ "$twice" -ge 35 ] && [ "$twice" -le 47 ] || complain "twice is $twice tenths of a second instead of 40"
refused() {
    "$BIN/mixminus-ua" --call="$1" --seconds=1 >"$TMP/refused.log" 2>&1
    grep -q "failed: $2" "$TMP/refused.log" || { complain "$1 is not refused by $2"; show "$TMP/refused.log"; }
}
refused "sip:annc@$host;play=file:///nobody.wav" 404
refused "sip:annc@$host;play=file:///../secret.wav" 404
refused "sip:annc@$host;play=http://$host/hello.wav" 404
refused "sip:annc@$host" 404
refused "sip:dialog@$host" 501
verdict
