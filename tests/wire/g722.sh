# Two callers by G.722 and two others hear each other; one of them changes to G.722 amid the conference. Row 21.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0
common="--within=2 --clean=25 --expect-at=4 --seconds=5.2"
conference alice --codec=G722 --tone=410 --expect=610,1010,1490 $common
caller bob --call="$URI" --codec=PCMU --tone=610 --expect=410,1010,1490 $common
caller carol --call="$URI" --codec=G722 --tone=1010 --expect=410,610,1490 $common
caller dave --call="$URI" --codec=opus,G722 --tone=1490 --codec-at=1:G722 --expect=410,610,1010 $common
callers_wait
verdict
