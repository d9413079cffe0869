# --srtp=required: plain offers are refused, an offerless call is offered RTP/SAVP, and two secure callers hear each
# other. --srtp=off: secure offers are refused. Shows C59.
. "$(dirname "$0")/wire.sh"
server_start --srtp=required
conference alice --srtp=any --offerless --tone=440 --seconds=3 --expect=620
caller bob --call="$URI" --srtp=AES_CM_128_HMAC_SHA1_32 --tone=620 --seconds=3 --expect=440
"$BIN/mixminus-ua" --call="$URI" --seconds=1 >"$TMP/eve.log" 2>&1 && complain "a plain caller is let in"
grep -q 'refused: 488' "$TMP/eve.log" || complain "not by 488"
callers_wait
server_stop
server_start --srtp=off
"$BIN/mixminus-ua" --factory="$FACTORY" --srtp=any --seconds=1 >"$TMP/eve.log" 2>&1 && complain "a secure caller is let in"
grep -q 'refused: 488' "$TMP/eve.log" || complain "not by 488"
verdict
