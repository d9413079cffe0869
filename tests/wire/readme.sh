# The commands of README, as written: the phone-less call beside a server without flags, and every flag that its text
# gives to tools/run. (Its first two commands are tests/bare.sh and tools/test themselves.)
. "$(dirname "$0")/wire.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
awk '/^```sh/ {on = 1; n++; next} /^```/ {on = 0} on {print > ("'"$TMP"'/block" n)}' "$top/README.md"
block=$(grep -l 'mixminus-ua --factory' "$TMP"/block*)
[ -n "$block" ] || complain "README has no call without a phone"
mkdir -p "$TMP/build" "$TMP/home"
ln -s "$BIN" "$TMP/build/bin"
# As a newcomer starts it: no flag at all.
(cd "$TMP" && exec env HOME="$TMP/home" XDG_STATE_HOME="$TMP/home" build/bin/mixminusd) >"$TMP/server.log" 2>&1 &
SERVER_PID=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
    "$BIN/mixminus-ua" --options=sip:127.0.0.1:5060 --wait=1 >/dev/null 2>&1 && break
done
if grep -q 'in use by another program' "$TMP/server.log"; then
    SERVER_PID=
    echo "port 5060 is taken here"
    exit 77
fi
(cd "$TMP" && sh -e "$block") >"$TMP/call.log" 2>&1 || { complain "README's call fails"; show "$TMP/call.log"; }
[ -s "$TMP/heard.wav" ] || complain "nothing was recorded"
server_stop
# Every flag in the text is one.
grep -o '`tools/run --[^`]*`' "$top/README.md" | tr -d '`' | grep -v -- --demo | sed 's/^tools.run //' | while read -r flags; do
    # shellcheck disable=SC2086
    "$BIN/mixminusd" --store=memory $flags --dump-config >/dev/null 2>"$TMP/words" || { echo "$flags"; cat "$TMP/words"; }
done >"$TMP/wrong"
[ -s "$TMP/wrong" ] && { complain "flags of README that are none"; show "$TMP/wrong"; }
verdict
