# sipp.sh SCENARIO: sipp plays tests/sipp/SCENARIO.xml against a server, by UDP and, where it makes sense, by TCP.
. "$(dirname "$0")/wire.sh"
command -v sipp >/dev/null || exit 77
if [ "$1" = digest ]; then
    printf 'sesame\n' | "$BIN/mixminusctl" user add alice --store="sqlite:$TMP/store.db" --auth-realm=ims.example
    set -- "$1" --store="sqlite:$TMP/store.db" --auth=digest --auth-digests=MD5 --auth-realm=ims.example
fi
scenario=$1
shift
server_start "$@"
play() {
    # sipp reports failure by its exit code; its screen goes to the log
    (cd "$TMP" && timeout 30 sipp "127.0.0.1:$SERVER_PORT" -sf "$SIPP/$1.xml" -s conferences -m 1 -nostdin \
        -i 127.0.0.1 -t "$2" -auth_uri "conferences@127.0.0.1:$SERVER_PORT" -timeout 15s -timeout_error -trace_err -error_file "$TMP/err" >"$TMP/sipp.log" 2>&1) &&
        return
    complain "$1 by $2: exit code $?"
    tail -n 30 "$TMP/sipp.log"
    [ ! -f "$TMP/err" ] || show "$TMP/err"
}
play "$scenario" u1
if [ "$scenario" = retransmit ]; then
    [ "$(grep -c ' issued to ' "$TMP/server.log")" -eq 1 ] || complain "not one conference for one INVITE"
else
    play "$scenario" t1
fi
verdict
