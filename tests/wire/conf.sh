# What an operator wishes of conferences: a limit, a lock and a PIN of one that lives, by its URI, and of one that nobody
# has called yet, by its name. The server follows while it runs, and knows of it after a restart.
. "$(dirname "$0")/wire.sh"
store=sqlite:$TMP/store.db
ctl() { "$BIN/mixminusctl" conf "$@" --store="$store"; }
# answer URI [flags]: what a call gets, in $TMP/try.log.
answer() {
    "$BIN/mixminus-ua" --name=try --call="$@" --seconds=0.3 >"$TMP/try.log" 2>&1
    sed -n 's/.*refused: \([0-9]*\).*/\1/p' "$TMP/try.log"
}
# until_answer STATUS URI: a change is known to the server when it answers so; "" when it lets one in.
until_answer() {
    for i in $(seq 50); do
        got=$(answer "$2")
        [ "$got" = "$1" ] && return
        sleep 0.2
    done
    complain "a call gets '$got', not '$1'"
    show "$TMP/try.log"
}
# A store of before there were such wishes becomes one of now.
(umask 077; python3 - "$TMP/store.db" <<END
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE conference (token TEXT PRIMARY KEY, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
           " state INTEGER NOT NULL, reserved INTEGER NOT NULL) WITHOUT ROWID")
db.execute("INSERT INTO conference VALUES (?, 1, 4000000000, 0, 0)", ("o" * 56,))
db.commit()
END
) || complain "no old store"
ctl list | grep -q '^ooo.* issued ' || complain "what an old store holds is lost"
ctl set sales --legs=1 </dev/null 2>/dev/null && complain "a name that nobody has called was taken without conf="
ctl set oooooooo --legs=x </dev/null 2>"$TMP/said" && complain "a limit of x was taken"
grep -q 'a number of participants' "$TMP/said" || complain "nothing is said of the limit"
ctl set conf=sales --legs=1 </dev/null || complain "a name can have no policy"
server_start --store="$store" --netann=on
named=sip:conf=sales@127.0.0.1:$SERVER_PORT
conference alice --tone=440 --seconds=60 --until-bye
ctl list >"$TMP/list" || complain "no list"
token=$(echo "$URI" | sed 's/sip:\([^@]*\)@.*/\1/')
grep -q "^$token .* active .*Z .* sip:alice@" "$TMP/list" || { complain "the conference is not on the list"; show "$TMP/list"; }
grep -q '^- *sales .* 1 ' "$TMP/list" || { complain "the name is not on the list"; show "$TMP/list"; }

# A limit: one of a name that stands since before the start; then of a living one.
caller seller --call="$named" --seconds=60 --until-bye
await seller joined
[ "$(answer "$named")" = 486 ] || complain "a second one is not refused by the limit"
ctl set "$URI" --legs=1 </dev/null || complain "no limit can be set"
until_answer 486 "$URI"
ctl set "$URI" --legs=0 </dev/null || complain "the limit cannot be taken off"
until_answer '' "$URI"

# A lock, by the label that log and API show. Who is in stays in.
label=$(echo "$token" | cut -c1-8)
grep -q "$label" "$TMP/server.log" || complain "the log does not name it so"
ctl set "$label" --locked=yes </dev/null | grep -q "^$token: locked" || complain "it cannot be locked by its label"
until_answer 403 "$URI"
ctl set "$token" --locked=no </dev/null || complain "it cannot be unlocked"
until_answer '' "$URI"

# A PIN: who does not know it is heard by nobody, and goes after three tries.
echo 4711 | ctl set "$URI" --pin || complain "it can have no PIN"
ctl list | grep -q "^$token .* yes *sip:alice@" || complain "the PIN is not on the list"
for i in $(seq 50); do
    "$BIN/mixminus-ua" --name=guess --call="$URI" --keys-at=0.2:1111#2222#3333# --seconds=4 --until-bye \
        >"$TMP/guess.log" 2>&1 && break
done
grep -q 'bye: they hung up' "$TMP/guess.log" || { complain "wrong PINs are taken"; show "$TMP/guess.log"; }
caller bob --call="$URI" --tone=620 --keys-at=0.5:4711# --expect=440 --expect-at=5.5 --seconds=6
bob=$(echo "$callers" | tr ' ' '\n' | grep '^bob:')
wait "${bob#*:}" || { complain "Bob's PIN is not taken"; show "$TMP/bob.log"; }
callers=$(echo "$callers" | tr ' ' '\n' | grep -v '^bob:' | tr '\n' ' ')
grep -q 4711 "$TMP/server.log" && complain "a PIN is in the log"

# After a restart all of it still holds.
ctl set "$URI" --no-pin --locked=yes </dev/null || complain "the PIN cannot be taken away"
until_answer 403 "$URI"
server_stop
callers_wait
"$BIN/mixminusd" --sip-listen="udp:127.0.0.1:$SERVER_PORT" --store="$store" --netann=on >"$TMP/server.log" 2>&1 &
SERVER_PID=$!
conference dora --tone=440 --seconds=60 --until-bye
caller seller --call="$named" --seconds=60 --until-bye
await seller joined
[ "$(answer "$named")" = 486 ] || complain "the limit of the name is forgotten"
ctl drop sales || complain "the wish cannot be dropped"
until_answer '' "$named"
ctl drop sales 2>/dev/null && complain "it is dropped twice"
ctl set nosuchconferencenosuchconferencenosuchconferencenosuchcc </dev/null 2>/dev/null && complain "a token that nobody has"
server_stop
callers_wait
verdict
