# What cannot work is said in one sentence, with the exit code for it.
. "$(dirname "$0")/wire.sh"

# refused CODE WORD flags...: exits with CODE, says one line that has WORD.
refused() {
    code=$1 word=$2
    shift 2
    timeout 10 "$@" >"$TMP/out" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || complain "exit code $got instead of $code: $*"
    # A log line before it is fine; the complaint itself is one line.
    [ "$(grep -c "$word" "$TMP/out")" -eq 1 ] || { complain "no one sentence with '$word': $*"; show "$TMP/out"; }
}

server_start
refused 1 "$SERVER_PORT" "$BIN/mixminusd" --sip-listen="udp:127.0.0.1:$SERVER_PORT" --store=memory
server_stop
refused 2 no-such-flag "$BIN/mixminusd" --no-such-flag=1
refused 2 talkers "$BIN/mixminusd" --talkers=many
refused 2 sip-listen "$BIN/mixminusd" --sip-listen=nowhere
printf '[mixminus\nthis is no line\n' >"$TMP/bad.ini"
refused 2 bad.ini "$BIN/mixminusd" --config="$TMP/bad.ini" --store=memory
refused 2 no-such-flag "$BIN/mixminus-ua" --no-such-flag
refused 2 tone "$BIN/mixminus-ua" --tone=loud
refused 2 nobody "$BIN/mixminus-ua" --tone=440
refused 2 no-such-flag "$BIN/mixminus-load" --no-such-flag
refused 2 calls "$BIN/mixminus-load" --server=127.0.0.1:5060 --calls=none
refused 2 'nobody to call' "$BIN/mixminus-load" --calls=10
verdict
