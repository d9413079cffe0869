# Signalling by TCP and by UDP in one conference.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --transport=tcp --tone=440 --expect=620 --expect-at=2.5 --seconds=4
caller bob --call="$URI" --transport=udp --tone=620 --expect=440 --expect-at=2 --seconds=4
callers_wait
verdict
