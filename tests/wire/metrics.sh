# /metrics while people talk: every name has its HELP, the counters have counted, a histogram adds up; /healthz is well.
# /v1/conferences tells who is there, who talks, and how each one's packets fare.
. "$(dirname "$0")/wire.sh"
command -v curl >/dev/null || { echo "curl is not installed"; exit 77; }
http=127.0.0.1:$(($(port_guess 0) + 6000))
server_start --http-listen=$http
conference alice --tone=440 --seconds=3
caller bob --call="$URI" --tone=620 --seconds=2.5
caller carol --call="$URI" --seconds=2.5
sleep 2
curl -sS --max-time 5 "http://$http/metrics" >"$TMP/metrics" || complain "no page"
[ "$(curl -sS --max-time 5 "http://$http/healthz")" = ok ] || complain "/healthz is not ok"
curl -sS --max-time 5 "http://$http/v1/conferences" >"$TMP/conferences" || complain "no conferences"
grep -q '"participants":\[{.*"entity":"sip:bob@.*"codec":"PCMU"' "$TMP/conferences" &&
    grep -q '"entity":"sip:alice@' "$TMP/conferences" || { complain "the conferences are wrong"; show "$TMP/conferences"; }
# participant NAME: his part of the page
participant() { sed 's/{"call"/\n&/g' "$TMP/conferences" | grep "\"entity\":\"sip:$1@"; }
for who in alice bob; do
    participant $who | grep -q '"talks":true,"level_dbov":-[0-9]*,"rx":{"packets":[1-9][0-9]*,"lost":0,' ||
        { complain "$who talks, and is not told of so"; show "$TMP/conferences"; }
done
participant carol | grep -q '"talks":false,"level_dbov":-127,"rx":.*"tx":{"packets":[1-9][0-9]*,"lost":0,' ||
    { complain "carol is silent, and is not told of so"; show "$TMP/conferences"; }
grep -q "$(echo "$URI" | sed 's/sip:\([^@]*\)@.*/\1/')" "$TMP/conferences" && complain "a URI is told in full"
callers_wait
value() { awk -v n="$1" '$1 == n {print $2}' "$TMP/metrics"; }
[ "$(value mixminus_legs)" = 3 ] || complain "mixminus_legs is $(value mixminus_legs)"
[ "$(value mixminus_conferences)" = 1 ] || complain "mixminus_conferences is $(value mixminus_conferences)"
stages=$(for stage in receive pull decode mix encode seal send; do echo "stage_seconds_total{worker=\"0\",stage=\"$stage\"}"; done)
for name in 'ticks_total{worker="0"}' 'decodes_total{worker="0"}' 'encodes_total{worker="0"}' $stages; do
    awk -v n="mixminus_$name" '$1 == n && $2 > 0 {found = 1} END {exit !found}' "$TMP/metrics" ||
        complain "mixminus_$name has not counted"
done
# The stages together are about the time that the worker was busy: a sample, on a machine that has other work.
awk '/^mixminus_stage_seconds_total/ {stages += $2} /^mixminus_worker_busy_nanoseconds_total/ {busy = $2 / 1e9}
    END {exit !(stages > busy / 4 && stages < busy * 3)}' "$TMP/metrics" || complain "stages do not add up"
awk '/^# HELP/ {help[$3] = 1} /^# TYPE/ {type[$3] = $4} /^[a-z]/ {name = $1; sub(/\{.*/, "", name)
        base = name; if (!(name in type)) sub(/_(bucket|sum|count)$/, "", base)
        if (!(base in help) || !(base in type)) {print "no HELP or TYPE:", name; bad = 1}
        if (type[base] == "counter" && name !~ /_total$/) {print "no _total:", name; bad = 1}}
    END {exit bad}' "$TMP/metrics" || complain "the page is not well formed"
awk '/^mixminus_tick_seconds_bucket\{worker="0",le="\+Inf"\}/ {all = $2} /^mixminus_tick_seconds_count\{worker="0"\}/ {n = $2}
    END {exit !(all > 0 && all == n)}' "$TMP/metrics" || complain "the histogram does not add up"
"$BIN/mixminusd" --sip-listen=udp:127.0.0.1:0 --store=memory --http-listen=$http >"$TMP/second" 2>&1 && complain "two on one port"
grep -q "$http is in use" "$TMP/second" || complain "it does not say why"
[ "$failed" -eq 0 ] || show "$TMP/metrics" "$TMP/second"
verdict
