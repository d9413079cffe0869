# One conference of four codecs at three rates. Opus at 48 kHz, since at 16 kHz it models a voice and bends sines.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0 --opus-rate=48000
common="--expect-at=2.5 --seconds=4.5"
conference alice --codec=PCMU --tone=397 --expect=601,997,1499 --within=1.5 --clean=25 --expect-at=3 --seconds=4.5
caller bob --call="$URI" --codec=PCMA --tone=601 --expect=397,997,1499 --within=1.5 --clean=25 $common
caller carol --call="$URI" --codec=opus --tone=997 --expect=397,601,1499 --within=2 --clean=25 $common
caller dave --call="$URI" --codec=L16 --tone=1499 --expect=397,601,997 --within=1.5 --clean=25 $common
callers_wait
verdict
