# A caller whose RTP stops is sent away after --rtp-timeout-s; one who goes on talking stays.
. "$(dirname "$0")/wire.sh"
server_start --rtp-timeout-s=2
conference alice --tone=440 --seconds=5
caller bob --call="$URI" --tone=620 --hush-at=0.5 --until-bye --seconds=6
callers_wait
grep -q 'bye:' "$TMP/alice.log" && complain "Alice was sent away too"
verdict
