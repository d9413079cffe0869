# What callers who owe a PIN are told, by a folder of recordings in which each is a tone, and by the beeps where there is
# none. Nobody in the conference hears it, nor them, before their PIN is right. Row 66.
. "$(dirname "$0")/wire.sh"
command -v sox >/dev/null || exit 77
store=sqlite:$TMP/store.db
ctl() { "$BIN/mixminusctl" user "$@" --store="$store" --auth-realm=ims.example; }
printf 'sesame\n' | ctl add alice || complain "alice has no account"
printf 'tulip\n9876\n' | ctl add bob --pin || complain "bob has no account"
mkdir "$TMP/prompts"
tone() { sox -n -r "$3" -c 1 -b 16 "$TMP/prompts/$1.wav" synth "$4" sine "$2" vol -20dB; }
tone pin-enter 1000 22050 8
tone pin-wrong 1400 8000 2
tone pin-right 1800 48000 2
echo 'no sound' >"$TMP/prompts/broken.wav"
[ ! -f "$GUARD" ] || WRAP="LD_PRELOAD=$GUARD NOMALLOC_REPORT=$TMP/report"
server_start --store="$store" --auth=digest --auth-realm=ims.example --auth-pin=instead --prompts="$TMP/prompts"
grep -q '3 announcements in' "$TMP/server.log" || complain "the folder is not read"
grep -q 'broken.wav is left out' "$TMP/server.log" || complain "nothing is said of the file that is none"

# Alice has no PIN, and is in by her password. Two callers of Bob's name come; one is wrong and is told so, and asked again; the other
# is right, is thanked, and is there from then on. Before that Alice hears nothing of them or of what they are told.
judge() {
    who=$1
    shift
    "$BIN/mixminus-ua" --judge="$TMP/$who.wav" "$@" >"$TMP/$who.judged" 2>&1 && return
    complain "$who: not $*"
    show "$TMP/$who.judged"
}
conference alice --auth=alice:sesame --tone=440 --seconds=15 --record="$TMP/alice.wav"
caller wrong --name=bob --call="$URI" --tone=700 --seconds=9 --keys-at=3:1# --record="$TMP/wrong.wav"
caller right --name=bob --call="$URI" --tone=620 --seconds=14 --keys-at=6:9876# --record="$TMP/right.wav"
callers_wait
judge alice --tone=440 --expect=none --expect-at=5.5
judge alice --tone=440 --expect=620 --expect-at=13
judge wrong --tone=700 --expect=1000 --expect-at=2.5
judge wrong --tone=700 --expect=1400 --expect-at=5
judge wrong --tone=700 --expect=1000 --expect-at=8.5
judge right --tone=620 --expect=1000 --expect-at=5.5
judge right --tone=620 --expect=1800 --expect-at=8.5
judge right --tone=620 --expect=440 --expect-at=13
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "the server ends with $SERVER_CODE"
[ -z "${WRAP:-}" ] || grep -q 'heap_calls=0' "$TMP/report" || { complain "the worker took from the heap"; show "$TMP/report"; }
WRAP=

mkdir "$TMP/empty"
server_start --store="$store" --auth=digest --auth-realm=ims.example --auth-pin=instead --prompts="$TMP/empty"
grep -q '3 of 3 prompts are not in .*: beeps' "$TMP/server.log" || complain "nothing is said of the beeps"
conference bob --tone=620 --seconds=5 --record="$TMP/bob.wav"
callers_wait
[ "$(sox "$TMP/bob.wav" -n trim 0 1 stat 2>&1 | awk '/RMS.*amplitude/ {print ($3 > 0.02)}')" = 1 ] || complain "no beep"
[ "$(sox "$TMP/bob.wav" -n trim 3 1 stat 2>&1 | awk '/RMS.*amplitude/ {print ($3 < 0.001)}')" = 1 ] || complain "it does not end"
"$BIN/mixminusd" --store=memory --prompts="$TMP/nowhere" --sip-listen=udp:127.0.0.1:0 >"$TMP/nowhere.log" 2>&1 &&
    complain "a folder that is not there is no mistake"
grep -q 'give another --prompts' "$TMP/nowhere.log" || complain "and nothing is said of it"
verdict
