# Row 66: who sends no credentials keys in his PIN (RFC 4733); until it is right he neither hears them nor is heard. Three
# wrong ones, and he is out. No PIN is in any log. Shows A14, A40, C55. Rows 15 and 63.
. "$(dirname "$0")/wire.sh"
store=sqlite:$TMP/store.db
ctl() { "$BIN/mixminusctl" user "$@" --store="$store" --auth-realm=ims.example; }
printf 'sesame\n4711\n' | ctl add alice --pin || complain "alice has no account"
printf 'tulip\n9876\n' | ctl add bob --pin || complain "bob has no account"
mkdir "$TMP/prompts" # none: short beeps
server_start --store="$store" --auth=digest --auth-realm=ims.example --auth-pin=instead --prompts="$TMP/prompts"
conference alice --tone=440 --keys-at=0.5:4711# --seconds=12 --expect=620 --expect-at=9.5
caller bob --call="$URI" --tone=620 --keys-at=4:98*9876# --seconds=11 --expect=440 --expect-at=9
# Until his PIN Bob is not there: nobody hears him, and he hears nobody.
caller carl --call="$URI" --auth=alice:sesame --tone=700 --seconds=3 --expect=440 --expect-at=2.5
await carl joined
caller mallory --name=bob --bind=127.0.0.66 --call="$URI" --keys-at=0.5:1111#2222#3333# --seconds=20 --until-bye
callers_wait
grep -q 'PIN was wrong' "$TMP/server.log" || complain "nothing is said of the wrong PIN"
grep -Eq '4711|9876|1111' "$TMP/server.log" && complain "a PIN is in the log"
verdict
