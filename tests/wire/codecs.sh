# One whose answer names PCMU and PCMA speaks PCMA, and does so before its answer is here (RFC 3264 5.1, 6.1): it is heard
# all the time.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --seconds=11
caller early --call="$URI" --expect=440 --within=3 --clean=25 --expect-at=3.2 --seconds=3.5
caller late --call="$URI" --expect=440 --within=3 --clean=25 --expect-at=7.5 --seconds=8
await early joined
await late joined
python3 "$(dirname "$0")/codecs.py" "$SERVER_PORT" "$URI" || complain "the phone failed"
callers_wait
verdict
