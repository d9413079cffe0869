# SIGTERM ends every call by BYE, and the server with exit code 0.
. "$(dirname "$0")/wire.sh"
server_start
conference alice --tone=440 --until-bye --seconds=15
caller bob --call="$URI" --tone=620 --until-bye --seconds=15
caller carol --call="$URI" --transport=tcp --until-bye --seconds=15
await bob joined
await carol joined
sleep 0.5
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"
callers_wait
verdict
