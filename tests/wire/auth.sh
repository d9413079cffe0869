# Rows 23-25, 63-65: who is not known does not get in; accounts by mixminusctl, credentials by digest.
# Shows A40. Rows 24, 25, 63, 64 and 65.
. "$(dirname "$0")/wire.sh"
store=sqlite:$TMP/store.db
ctl() { "$BIN/mixminusctl" user "$@" --store="$store" --auth-realm=ims.example; }
printf 'sesame\n' | ctl add alice || complain "alice has no account"
printf 'tulip\n' | ctl add bob --entitled=no || complain "bob has no account"
ctl list >"$TMP/list"
grep -q 'alice  *yes' "$TMP/list" && grep -q 'bob  *no' "$TMP/list" || complain "the list is wrong"
"$BIN/mixminusctl" user set bob --blocked=maybe --store="$store" 2>"$TMP/said" && complain "--blocked=maybe was taken"
grep -q -- '--blocked=yes or --blocked=no' "$TMP/said" || complain "nothing is said of --blocked"
# The realm is the store's from now on, and what is written where is said.
printf 'tulip\n' | "$BIN/mixminusctl" user add rose --store="$store" >"$TMP/said" || complain "rose has no account"
grep -q "^store $store, realm ims.example\$" "$TMP/said" || { complain "store and realm are not said"; show "$TMP/said"; }
"$BIN/mixminusctl" user set rose --entitled=no --store="$store" --auth-realm=other.example 2>&1 </dev/null | grep -q 'were of the realm ims.example' ||
    complain "another realm is taken silently"
server_start --store="$store" --auth=digest --auth-realm=ims.example
conference alice --auth=alice:sesame --tone=440 --seconds=3 --expect=620
caller carl --call="$URI" --auth=alice:sesame --tone=620 --seconds=2.5 --expect=440
caller eve --factory="$FACTORY" --auth=alice:guess
caller mute --factory="$FACTORY"
caller bob --factory="$FACTORY" --auth=bob:tulip
caller realm --factory="$FACTORY" --auth=alice:sesame --realm=elsewhere
await eve 'failed: 403'
await mute 'failed: 401'
await bob 'failed: 403'
await realm 'failed: 401'
callers=$(echo "$callers" | tr ' ' '\n' | grep -E '^(alice|carl):' | tr '\n' ' ')
callers_wait
# What the operator changes counts at once.
ctl set bob --entitled=yes </dev/null || complain "bob could not be changed"
caller bob2 --factory="$FACTORY" --auth=bob:tulip --seconds=0.5
callers_wait
ctl drop bob || complain "bob could not be dropped"
caller bob3 --factory="$FACTORY" --auth=bob:tulip
await bob3 'failed: 403'
verdict
