# A call none of whose packets can be used: one line in the log, with both addresses.
. "$(dirname "$0")/wire.sh"
http=127.0.0.1:$(($(port_guess 0) + 6000))
server_start --http-listen="$http"
python3 "$(dirname "$0")/media_unheard.py" "$SERVER_PORT" "$http" >"$TMP/phones" || complain "it is not told of"
cat "$TMP/phones"
lines=$(grep -c 'no RTP heard' "$TMP/server.log")
[ "$lines" -eq 1 ] || complain "$lines lines of it"
from=$(sed -n 's/^from \(.*\), said.*/\1/p' "$TMP/phones")
said=$(sed -n 's/.*, said \(.*\)/\1/p' "$TMP/phones")
grep -q "no RTP heard.*come from $from, its SDP said $said.*must name" "$TMP/server.log" || complain "without its addresses"
verdict
