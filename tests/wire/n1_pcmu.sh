# Three callers, PCMU: each hears the two others at their level, and nothing of himself. $* goes to the server.
. "$(dirname "$0")/wire.sh"
server_start "$@"
conference alice --tone=440 --expect=620,1013 --expect-at=3 --seconds=4.5
caller bob --call="$URI" --tone=620 --expect=440,1013 --expect-at=2.5 --seconds=4.5
caller carol --call="$URI" --tone=1013 --expect=440,620 --expect-at=2.5 --seconds=4.5
callers_wait
verdict
