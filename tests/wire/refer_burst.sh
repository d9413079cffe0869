# Row 53: one URI, many who are asked at once; all come, and everybody hears everybody else.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0
list=
n=0
for hz in 610 790 970 1150 1330; do
    for try in 1 2 3 4 5; do
        port=$(port_guess $((40 + n * 7 + try)))
        caller "p$hz" --answer --bind="127.0.0.1:$port" --tone=$hz --expect="440$(for o in 610 790 970 1150 1330; do [ $o = $hz ] || printf ,%s $o; done)" \
            --expect-at=4 --seconds=5.5 --within=1.5
        sleep 0.2
        grep -q waiting "$TMP/p$hz.log" && break
        callers=$(echo "$callers" | tr ' ' '\n' | grep -v "^p$hz:" | tr '\n' ' ')
    done
    list=$list${list:+,}sip:p$hz@127.0.0.1:$port
    n=$((n + 1))
done
conference alice --tone=440 --refer="$list" --expect=610,790,970,1150,1330 --expect-at=4.5 --seconds=6 --within=1.5
callers_wait
[ "$(grep -c 'refer answered: 202' "$TMP/alice.log")" -eq 5 ] || complain "not all REFERs were accepted"
[ "$(grep -c 'notify: 200 OK, the last' "$TMP/alice.log")" -eq 5 ] || complain "not all have come"
[ "$failed" -eq 0 ] || show "$TMP/alice.log"
verdict
