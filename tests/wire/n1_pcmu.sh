# Three callers, PCMU: each hears the two others at their level, and nothing of himself. $* goes to the server.
# Rows 3, 9, 45 and 58.
. "$(dirname "$0")/wire.sh"
server_start "$@"
conference alice --tone=440 --expect=620,1010 --expect-at=4 --seconds=5.2
caller bob --call="$URI" --tone=620 --expect=440,1010 --expect-at=3.5 --seconds=5.2
caller carol --call="$URI" --tone=1010 --expect=440,620 --expect-at=3.5 --seconds=5.2
callers_wait
verdict
