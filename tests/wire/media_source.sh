# From where RTP is taken: media_source.py has the list.
. "$(dirname "$0")/wire.sh"
server_start
lan=$(ip -4 -o addr show scope global 2>/dev/null | sed -n 's/.* inet \([0-9.]*\).*/\1/p' | head -n 1)
python3 "$(dirname "$0")/media_source.py" "$SERVER_PORT" "$lan" || complain "not everybody is heard as it should be"
verdict
