# Levels in headers: six callers in Opus, of whom two speak and two are heard. Those tell their levels, and are told
# those of whom they hear; the others do neither. Nobody's header is found to lie, and who cannot be heard is not decoded.
. "$(dirname "$0")/wire.sh"
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
http=127.0.0.1:$(($(port_guess 0) + 6000))
server_start --talkers=2 --http-listen=$http "$@"
conference alice --codec=opus --levels --tone=440 --seconds=6 --expect=620 --expect-at=4 $OPUS_EAR
caller bob --call="$URI" --codec=opus --levels --srtp=any --tone=620 --seconds=6 --expect=440 --expect-at=4 $OPUS_EAR
caller carol --call="$URI" --codec=opus --levels --seconds=6 --expect=440,620 --expect-at=4 $OPUS_EAR
caller dave --call="$URI" --codec=PCMU --levels --seconds=6 --expect=440,620 --expect-at=4 $OPUS_EAR
caller erin --call="$URI" --codec=opus --seconds=6 --expect=440,620 --expect-at=4 $OPUS_EAR
caller frank --call="$URI" --codec=L16 --seconds=6 --expect=440,620 --expect-at=4 $OPUS_EAR
sleep 4
curl -sS --max-time 5 "http://$http/metrics" >"$TMP/metrics" || complain "no page"
callers_wait
value() { awk -v n="mixminus_$1{worker=\"0\"}" '$1 == n {print $2}' "$TMP/metrics"; }
[ "$(value undecoded_total)" -gt 100 ] || complain "$(value undecoded_total) packets were not decoded"
[ "$(value level_lies_total)" = 0 ] || complain "$(value level_lies_total) callers are said to lie"
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "the server ends with $SERVER_CODE"
verdict
