# To where RTP goes: media_victim.py counts the bytes.
. "$(dirname "$0")/wire.sh"
server_start
python3 "$(dirname "$0")/media_victim.py" "$SERVER_PORT" || complain "media goes where it should not"
verdict
