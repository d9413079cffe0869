# Three talk at -7.4 dBFS each: the sum of all would clip, and still nobody hears himself. The limiter may bend the sum
# of two, so what it makes of them may be heard down to -25 dB. Row 60.
. "$(dirname "$0")/wire.sh"
server_start
common="--own=45 --clean=25 --expect-at=3.5 --seconds=5.2"
conference alice --tone=430:-7.4 --expect=610:-7.4,1010:-7.4 --own=45 --clean=25 --expect-at=4 --seconds=5.2
caller bob --call="$URI" --tone=610:-7.4 --expect=430:-7.4,1010:-7.4 $common
caller carol --call="$URI" --tone=1010:-7.4 --expect=430:-7.4,610:-7.4 $common
callers_wait
verdict
