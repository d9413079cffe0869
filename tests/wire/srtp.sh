# Four callers with SRTP of four suites, a fifth without, in one room: everybody hears all others and not himself; a
# change of codec and a hold by re-INVITE keep the keys; an offerless call gets RTP/SAVP where SRTP is required.
# Shows A40, C58.
. "$(dirname "$0")/wire.sh"
server_start --talkers=0 "$@"
conference alice --srtp=AES_CM_128_HMAC_SHA1_80 --tone=440 --seconds=6 --expect=620,820,1010,1250 --expect-at=4 $OPUS_EAR
caller bob --call="$URI" --srtp=AES_256_CM_HMAC_SHA1_32 --tone=620 --seconds=6 --expect=440,820,1010,1250 --expect-at=4 \
    $OPUS_EAR
caller carol --call="$URI" --srtp=AEAD_AES_128_GCM --codec=opus --tone=820 --seconds=6 --expect=440,620,1010,1250 \
    --expect-at=4 $OPUS_EAR
caller dave --call="$URI" --srtp=AEAD_AES_256_GCM --codec=PCMA --codec-at=1:PCMU --hold-at=1.5 --resume-at=2 --tone=1010 \
    --seconds=6 --expect=440,620,820,1250 --expect-at=5 $OPUS_EAR
caller erin --call="$URI" --tone=1250 --seconds=6 --expect=440,620,820,1010 --expect-at=4 $OPUS_EAR
callers_wait
grep -q 'joined.*, AES_CM_128_HMAC_SHA1_80' "$TMP/alice.log" || complain "alice has no SRTP"
grep -q 'joined.*, AEAD_AES_256_GCM' "$TMP/dave.log" || complain "dave has no SRTP"
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "the server ends with $SERVER_CODE"
grep -i 'inline:' "$TMP"/*.log && complain "a key is in a caller's log"
verdict
