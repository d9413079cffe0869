# A 200 that nobody acknowledges is repeated for 32 s, and then the server says BYE (RFC 3261 13.3.1.4). Shows C14.
. "$(dirname "$0")/wire.sh"
server_start
caller alice --factory="$FACTORY" --tone=440 --no-ack --until-bye --seconds=40
callers_wait
verdict
