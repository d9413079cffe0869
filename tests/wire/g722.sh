# Two callers by G.722 and two others hear each other; one of them changes to G.722 amid the conference.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0
conference alice --codec=G722 --tone=397 --expect=601,997,1499 --within=2 --clean=25 --expect-at=3 --seconds=4.5
caller bob --call="$URI" --codec=PCMU --tone=601 --expect=397,997,1499 --within=2 --clean=25 --expect-at=3 --seconds=4.5
caller carol --call="$URI" --codec=G722 --tone=997 --expect=397,601,1499 --within=2 --clean=25 --expect-at=3 --seconds=4.5
caller dave --call="$URI" --codec=opus,G722 --tone=1499 --codec-at=1:G722 --expect=397,601,997 --within=2 --clean=25 --expect-at=3 --seconds=4.5
callers_wait
verdict
