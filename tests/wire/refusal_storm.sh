# A41: INVITEs that are refused when something has begun for them, again and again, by somebody unknown: SIP goes on. STORM
# is how many of each pair; with STORM=10000 it is the whole of it, some minutes.
. "$(dirname "$0")/wire.sh"
store=sqlite:$TMP/store.db
server_start --store="$store" --netann=on --source-rate=1000000 --sip-transactions-max=1000000 --conference-unused-s=3600
issue() { python3 "$(dirname "$0")/crash.py" "$SERVER_PORT" load 20 1 | sed -n '$s/.* //p'; }
plain=$(issue)
locked=$(issue)
printf '4711\n' | "$BIN/mixminusctl" conf set "$locked" --pin --store="$store" >/dev/null || complain "no PIN is taken"
sleep 3 # a server that runs follows within two seconds
python3 "$(dirname "$0")/refusal_storm.py" "$SERVER_PORT" "${STORM:-100}" "$plain" "$locked" || complain "SIP stands still"
sleep 33 # a PIN dialogue that nobody stopped would end now, and every transaction does
[ "$(python3 "$(dirname "$0")/crash.py" "$SERVER_PORT" ask "$plain")" = 200 ] || complain "it does not answer any more"
"$BIN/mixminus-ua" --call="$locked" --keys-at=0.5:4711# --seconds=2 >"$TMP/ua.log" 2>&1 ||
    { complain "the PIN does not let in"; show "$TMP/ua.log"; }
server_stop
[ "$SERVER_CODE" -eq 0 ] || complain "exit code $SERVER_CODE"
verdict
