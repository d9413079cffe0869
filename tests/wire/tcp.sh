# Signalling by TCP and by UDP in one conference. Shows C27. Row 6.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --transport=tcp --tone=440 --expect=620 --expect-at=3.5 --seconds=4.8
caller bob --call="$URI" --transport=udp --tone=620 --expect=440 --expect-at=3 --seconds=4.8
callers_wait
verdict
