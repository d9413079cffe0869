# Held and muted calls live by other signs than audio, a dead one ends: for three times --rtp-timeout-s.
. "$(dirname "$0")/wire.sh"
server_start --rtp-timeout-s=4
python3 "$(dirname "$0")/media_life.py" "$SERVER_PORT" 12 || complain "the wrong calls have ended"
verdict
