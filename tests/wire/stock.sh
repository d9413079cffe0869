# A stock softphone as a newcomer has it: stock.sh baresip|linphone|twinkle loopback|lan|ipv6 [hold]. Its own default
# configuration, but for a sound device of type file; it dials the factory as README says, on a machine with a LAN address
# (192.0.2.1, as tools/test makes one), where the server has 127.0.0.1, that address, or ::1. A second caller hears its
# tone and is heard. With hold the phone then holds for longer than --rtp-timeout-s, and is heard again after it.
if [ "$2" = ipv6 ] && [ -z "${WITH_IPV6:-}" ]; then # in a namespace of its own: no other test wants that address
    unshare -n true 2>/dev/null || { echo "no network namespace can be made here"; exit 77; }
    exec unshare -n sh -c 'ip link set lo up && ip link add phone0 type veth peer name phone1 &&
        ip addr add 192.0.2.1/24 dev phone0 && ip addr add 2001:db8::1/64 dev phone0 nodad &&
        ip link set phone0 up && ip link set phone1 up &&
        ip route add default via 192.0.2.254 && ip route add default via 2001:db8::2 &&
        WITH_IPV6=yes exec sh "$0" "$@"' "$0" "$@"
fi
. "$(dirname "$0")/wire.sh"
phone=$1
place=$2
hold=${3:-}
lan=$(ip -4 -o addr show scope global 2>/dev/null | awk '{sub(/\/.*/, "", $4); print $4; exit}')
[ -n "$lan" ] || { echo "no interface but loopback"; exit 77; }
case $phone in baresip) program=baresip ;; linphone) program=linphonec ;; twinkle) program=twinkle-console ;; esac
for needed in $program python3 sox; do
    command -v $needed >/dev/null || { echo "$needed is not installed"; exit 77; }
done
case $place in loopback) host=127.0.0.1 ;; lan) host=$lan ;; ipv6) host=[::1] ;; esac
bind=$(echo "$host" | tr -d "[]")
SERVER_PORT=$(($(port_guess 0) + 9000))
FACTORY=sip:conferences@$host:$SERVER_PORT
export HOME="$TMP/home"
mkdir -p "$HOME" "$TMP/phone"

# until_true SECONDS command...: whether it succeeds within that time.
until_true() {
    for i in $(seq $(($1 * 10))); do
        (shift && "$@") >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}

# told WORD: in how many lines of the phone's log it is; said WORD [LINES]: whether in so many.
told() { tr '\r' '\n' <"$TMP/phone.log" | grep -c "$1"; }
said() { [ "$(told "$1")" -ge "${2:-1}" ]; }

give_up() {
    complain "${*:-not as it should be}"
    kill -USR1 "$SERVER_PID"
    sleep 0.2
    tr '\r' '\n' <"$TMP/phone.log" | tail -n 80
    verdict
}

# sound_card RATE CHANNELS: of what is played. Twinkle does not get on with a rate that ALSA converts.
sound_card() {
    cat >"$HOME/.asoundrc" <<END
pcm.ear { type file file "$TMP/ear" infile "$TMP/mouth" format raw slave.pcm null }
pcm.mouth { type file file /dev/null infile "$TMP/mouth" format raw slave.pcm null }
pcm.speaker { type plug slave { pcm ear rate $1 channels $2 format S16_LE } }
pcm.microphone { type plug slave { pcm mouth rate 8000 channels 1 format S16_LE } }
pcm.!default { type asym playback.pcm speaker capture.pcm microphone }
END
    python3 "$(dirname "$0")/sound_card.py" "$TMP/mouth" "$TMP/ear" "$TMP/heard.raw" 620 $(($1 * $2 / 8000)) &
    callers="$callers card:$!"
    until_true 10 test -f "$TMP/heard.raw" || { echo "no sound card"; exit 1; }
}

mkfifo "$TMP/keys"
exec 8<>"$TMP/keys"
key() { echo "$*" >&8; }
start_baresip() {
    sound_card 48000 2
    echo '<sip:newcomer@localhost>;regint=0' >"$TMP/phone/accounts"
    baresip ${WITH_IPV6:+-6} -s -f "$TMP/phone" <"$TMP/keys" >"$TMP/phone.log" 2>&1 8<&- &
}
start_linphone() {
    mkdir -p "$HOME/.local/share/linphone" # its own first start fails without it
    sox -n -r 8000 -c 1 -b 16 "$TMP/tone.wav" synth 60 sine 620 gain -7.3
    linphonec <"$TMP/keys" >"$TMP/phone.log" 2>&1 8<&- &
    key "soundcard use files"
    key "record $TMP/heard.wav"
    key "play $TMP/tone.wav"
}
start_twinkle() {
    sound_card 8000 1
    mkdir -p "$HOME/.twinkle"
    printf 'user_name=newcomer\nuser_domain=localhost\nregister_at_startup=no\n' >"$HOME/.twinkle/me.cfg"
    printf 'dev_mic=alsa:default\ndev_speaker=alsa:default\ndev_ringtone=alsa:default\n' >"$HOME/.twinkle/twinkle.sys"
    twinkle-console me.cfg <"$TMP/keys" >"$TMP/phone.log" 2>&1 8<&- &
}
ready_baresip='baresip is ready'
ready_linphone='linphonec>'
ready_twinkle='Twinkle>'
dial_baresip() { key "/dial $FACTORY"; }
dial_linphone() { key "call $FACTORY"; }
# It shows the contacts of a 302, and its user chooses one: typed at once, it forgets the new call with the old. Now and
# then it also misses an answer that comes sooner than its own threads are ready for it: its user dials again.
dial_twinkle() {
    for try in 1 2 3; do
        key "call $FACTORY"
        until_true 5 said '^sip:[a-z2-7]*@' && break
        key "bye"
    done
    said '^sip:[a-z2-7]*@' || give_up "twinkle shows no contact"
    sleep 2
    for try in 1 2 3; do
        key "call $(tr '\r' '\n' <"$TMP/phone.log" | sed -n 's/^\(sip:[a-z2-7]*@.*\)/\1/p' | tail -n 1)"
        until_true 5 said 'far end answered call' && return
        key "bye"
        sleep 1
    done
    give_up "twinkle does not see that it is answered"
}
hold_baresip() { key "/hold"; }
resume_baresip() { key "/resume"; }
up_baresip='Call established'
held_baresip='^a=sendonly' # in its trace
resumed_baresip="update 'audio'"
hold_linphone() { key "pause"; }
resume_linphone() { key "resume"; }
up_linphone='Media streams established'
held_linphone='is now paused'
resumed_linphone='Media streams established'
quit_baresip() { kill -KILL "$PHONE_PID"; }
quit_twinkle() { kill -KILL "$PHONE_PID"; }
quit_linphone() { # its recording has a header when the call has ended
    key "terminate"
    key "quit"
    until_true 10 sh -c "! kill -0 $PHONE_PID"
}

"$BIN/mixminusd" --store="sqlite:$TMP/store.db" --log-level=debug --sip-listen="udp:$host:$SERVER_PORT" \
    --sip-listen="tcp:$host:$SERVER_PORT" ${hold:+--rtp-timeout-s=3} >"$TMP/server.log" 2>&1 &
SERVER_PID=$!
start_$phone
PHONE_PID=$!
callers="$callers phone:$PHONE_PID"
until_true 20 "$BIN/mixminus-ua" --bind="$bind" --options="$FACTORY" --wait=1 || give_up "the server does not start"
eval ready=\$ready_$phone
until_true 20 said "$ready" || give_up "the phone does not start"
dial_$phone
token=
for i in $(seq 100); do
    token=$("$BIN/mixminusctl" conf list --store="sqlite:$TMP/store.db" | awk '$3 == "active" {print $1; exit}')
    [ -n "$token" ] && break
    sleep 0.1
done
[ -n "$token" ] || give_up "the phone makes no conference"
if [ -n "$hold" ]; then
    eval "up=\$up_$phone held=\$held_$phone resumed=\$resumed_$phone"
    until_true 10 said "$up" || give_up "the phone is not up"
    hold_$phone
    until_true 10 said "$held" || give_up "the phone does not hold"
    sleep 8
    grep -q 'call 1 ends' "$TMP/server.log" && give_up "the phone is not in its conference any more after 8 s of hold"
    before=$(told "$resumed")
    resume_$phone
    until_true 10 said "$resumed" $((before + 1)) || give_up "the phone does not resume"
fi
# The second caller joins by the token: its tone must arrive at the phone, and the phone's, of which half are pauses, here.
"$BIN/mixminus-ua" --name=second --bind="$bind" --call="sip:$token@$host:$SERVER_PORT" --tone=440 --seconds=4 \
    --record="$TMP/second.wav" >"$TMP/second.log" 2>&1 || { complain "the second caller"; show "$TMP/second.log"; }
kill -0 "$SERVER_PID" 2>/dev/null || complain "the server is gone"
grep -q 'no RTP' "$TMP/server.log" && complain "the phone was thought gone, or not heard"
quit_$phone
# hears NAME...: judges NAME.raw, made of NAME.wav where there is one.
hears() {
    [ ! -f "$TMP/$1.wav" ] || sox "$TMP/$1.wav" -t raw -r 8000 -e signed -b 16 -c 1 "$TMP/$1.raw"
    file=$TMP/$1.raw
    shift
    python3 "$(dirname "$0")/hears.py" "$file" "$@"
}
hears second 620 5 440 || complain "the phone is not heard"
hears heard 440 10 620 || complain "the phone does not hear the second caller"
[ "$failed" -eq 0 ] || give_up
verdict
