# Bob holds from 1.5 to 4.5 s: meanwhile he is not heard, and hears nothing; afterwards all is as before.
# Shows C35. Row 14.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --tone=440 --expect=620 --expect-at=7 --seconds=8
caller bob --call="$URI" --tone=620 --hold-at=1.5 --resume-at=4.5 --expect=440 --expect-at=6.8 --seconds=8
await bob joined
caller carol --call="$URI" --expect=440 --expect-at=4.1 --seconds=5
caller dave --call="$URI" --expect=440,620 --expect-at=1.4 --seconds=2
callers_wait
[ "$(grep -c 'change answered: 200' "$TMP/bob.log")" -eq 2 ] || complain "not both changes got their 200"
verdict
