# Who begins to speak in an annex is heard by everybody, and goes on hearing the others. Workers for eight: six of the
# room are at its owner, who keeps two places for such as Bob.
. "$(dirname "$0")/wire.sh"
server_start --workers=2 --worker-legs-max=8 --worker-scheduling=other --stats-interval-s=1
conference alice --tone=440 --expect=620 --expect-at=5 --seconds=7
for i in 1 2 3 4 5; do
    caller listener$i --call="$URI" --expect=440,620 --expect-at=4.5 --seconds=6
    await listener$i joined
done
caller bob --call="$URI" --tone=620 --expect=440 --expect-at=4 --seconds=6
await bob joined
caller carol --call="$URI" --expect=440,620 --expect-at=4 --seconds=5
callers_wait
grep -q 'annex on worker' "$TMP/server.log" || complain "no annex was made"
grep -q '"moves":[1-9]' "$TMP/server.log" || complain "nobody has moved"
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"
verdict
