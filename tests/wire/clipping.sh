# Three talk at -7.4 dBFS each: the sum of all would clip, and still nobody hears himself. The limiter may bend the sum
# of two, so what it makes of them may be heard down to -25 dB.
. "$(dirname "$0")/wire.sh"
server_start
common="--own=45 --clean=25 --expect-at=2.5 --seconds=4.5"
conference alice --tone=443:-7.4 --expect=617:-7.4,1013:-7.4 --own=45 --clean=25 --expect-at=3 --seconds=4.5
caller bob --call="$URI" --tone=617:-7.4 --expect=443:-7.4,1013:-7.4 $common
caller carol --call="$URI" --tone=1013:-7.4 --expect=443:-7.4,617:-7.4 $common
callers_wait
verdict
