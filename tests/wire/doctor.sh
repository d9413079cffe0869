# What operators type before they type anything else: placement and doctor end by themselves, with flags that work.
# Row 11.
. "$(dirname "$0")/wire.sh"
flags=$("$BIN/mixminusd" --store=memory --dry-run-placement | sed -n 's/^flags: //p')
if [ -n "$flags" ]; then
    # shellcheck disable=SC2086
    server_start $flags
    server_stop
    [ "$SERVER_CODE" -eq 0 ] || complain "exit $SERVER_CODE with $flags"
    server_start --worker-cpus=auto
    cpu=${flags##*--worker-cpus=}
    cpu=${cpu%%[ ,-]*}
    mixer=$(grep -l '^mixer/0' /proc/$SERVER_PID/task/*/comm)
    [ "$(awk '/^Cpus_allowed_list/ {print $2}' "${mixer%comm}status")" = "$cpu" ] || complain "worker 0 is not on CPU $cpu"
    server_stop
else
    "$BIN/mixminusd" --store=memory --dry-run-placement | grep -q 'nothing is pinned' || complain "no placement"
fi
"$BIN/mixminusd" --worker-numa=999 --store=memory --dry-run-placement >"$TMP/numa" 2>&1 && complain "node 999 was taken"
grep -q 'give --worker-numa=auto' "$TMP/numa" || complain "it does not say what to do"
code=0
"$BIN/mixminusctl" doctor --quick --store=memory >"$TMP/doctor" 2>&1 || code=$?
[ "$code" -le 1 ] || complain "doctor ends with $code"
for word in SIMD SRTP io_uring SCHED_FIFO 'file descriptors' 'RTP ports' 'receive buffers' system:; do
    grep -q "$word" "$TMP/doctor" || complain "doctor says nothing of $word"
done
"$BIN/mixminusctl" doctor --quick --prot-min=1 >"$TMP/bad" 2>&1
[ $? -eq 2 ] || complain "a wrong flag passed"
"$BIN/mixminusctl" >"$TMP/bad" 2>&1
[ $? -eq 2 ] || complain "no word passed"
[ "$failed" -eq 0 ] || show "$TMP/doctor"
verdict
