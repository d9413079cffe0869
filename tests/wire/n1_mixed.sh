# One conference of four codecs at three rates. Opus at 48 kHz, since at 16 kHz it models a voice and bends sines.
# Shows C37. Row 21.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0 --opus-rate=48000
common="--expect-at=3.5 --seconds=5.2"
conference alice --codec=PCMU --tone=410 --expect=610,1010,1490 $OPUS_EAR --expect-at=4 --seconds=5.2
caller bob --call="$URI" --codec=PCMA --tone=610 --expect=410,1010,1490 $OPUS_EAR $common
caller carol --call="$URI" --codec=opus --tone=1010 --expect=410,610,1490 $OPUS_EAR $common
caller dave --call="$URI" --codec=L16 --tone=1490 --expect=410,610,1010 $OPUS_EAR $common
callers_wait
verdict
