# One whose answer names PCMU and PCMA speaks PCMA, and does so before its answer is here (RFC 3264 5.1, 6.1): it is heard
# all the time.
. "$(dirname "$0")/wire.sh"
# A caller that comes, hears the tone, and goes.
hears() {
    "$BIN/mixminus-ua" --name="$1" --call="$URI" --expect=440 --within=3 --clean=25 --seconds=3.5 >"$TMP/$1.log" 2>&1 || {
        complain "$1 does not hear it"
        show "$TMP/$1.log"
    }
}
server_start
conference alice --seconds=60 --until-bye
python3 "$(dirname "$0")/codecs.py" "$SERVER_PORT" "$URI" "$TMP/answer" "$TMP/stop" >"$TMP/phone.log" 2>&1 &
phone=$!
await phone speaking
hears early
touch "$TMP/answer"
hears late
grep -q 'speaks PCMA now' "$TMP/server.log" || complain "it was never asked for another codec"
touch "$TMP/stop"
wait $phone || complain "the phone failed"
server_stop
callers_wait
verdict
