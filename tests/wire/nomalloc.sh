# The workers of a real server take nothing from the heap: loads of mixed codecs, plain and with SRTP, their joins and
# leaves included, under the malloc guard. GUARD is the guard as a library.
. "$(dirname "$0")/wire.sh"
[ -f "$GUARD" ] || exit 77
WRAP="LD_PRELOAD=$GUARD NOMALLOC_REPORT=$TMP/report" server_start --log-level=warn --workers=2
for srtp in "" --srtp=AES_CM_128_HMAC_SHA1_80 --srtp=AEAD_AES_256_GCM; do
    "$BIN/mixminus-load" --server="127.0.0.1:$SERVER_PORT" --calls=50 --rooms-of=5 --rate=100 --seconds=3 \
        --codec=mixed --tolerate=100 $srtp >"$TMP/load$srtp.log" 2>&1 &
    callers="$callers load$srtp:$!"
    sleep 1
done
callers_wait
server_stop
cat "$TMP/report"
grep -q 'workers=[1-9]' "$TMP/report" || complain "no worker was guarded"
grep -q 'heap_calls=0' "$TMP/report" || complain "a worker took from the heap"
verdict
