# A21: fifty watch the rosters of two conferences that twenty others join and leave each second. Each is told what has
# changed, and none more often than every five seconds; those who confer lose nothing, and the server's memory stays.
# Shows C49.
. "$(dirname "$0")/wire.sh"
http=127.0.0.1:$(($(port_guess 0) + 6000))
server_start --http-listen="$http" --conference-legs-max=100 --auth-trusted=127.0.0.1 --log-level=warn
"$BIN/mixminus-load" --server="127.0.0.1:$SERVER_PORT" --transport=tcp --calls=10 --rooms-of=5 --seconds=12 \
    --watchers=50 --churn=20 --server-pid="$SERVER_PID" --http="$http" --json >"$TMP/load.json" # voices may be late
value() { sed -n "s/.*\"$1\":\([0-9.e+-]*\)[,}].*/\1/p" "$TMP/load.json"; }
is() { awk "BEGIN {exit !($1)}" || complain "$1 does not hold"; }
is "$(value watchers) == 50 && $(value watchers_failed) == 0"
is "$(value churn_joined) > 100 && $(value churn_failed) == 0"
is "$(value lost) == 0"
is "$(value notifies) >= 50"    # in twelve seconds everybody is told twice
is "$(value notifies_most) <= 4" # and one more that was late
is "$(value server_late_ticks) >= 0"
[ "$TOLERATE" -ge 300 ] || is "$(value server_rss_kb_end) < $(value server_rss_kb_begin) + 16384"
[ "$failed" -eq 0 ] || show "$TMP/load.json"
verdict
