# RFC 4240: sip:conf=NAME@host makes the conference of that name, and finds it; only where it is switched on.
. "$(dirname "$0")/wire.sh"
server_start --netann=on
caller alice --call="sip:conf=team-7@127.0.0.1:$SERVER_PORT" --tone=440 --seconds=3 --expect=620
caller bob --call="sip:conf=team-7@127.0.0.1:$SERVER_PORT" --tone=620 --seconds=2.7 --expect=440
caller carl --call="sip:conf=team-8@127.0.0.1:$SERVER_PORT" --tone=800 --seconds=2.5 --expect=none
callers_wait
server_stop
server_start
caller dora --call="sip:conf=team-7@127.0.0.1:$SERVER_PORT" --seconds=1
await dora 'failed: 404'
callers=
verdict
