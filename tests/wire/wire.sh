# Sourced by every wire test: a real server on loopback with free ports, callers in the background, an end that leaves
# nothing behind. BIN is the folder of the programs. A test ends by `verdict`.
set -u
unset $(env | sed -n 's/^\(MIXMINUS_[A-Z_]*\)=.*/\1/p') 2>/dev/null
TMP=$(mktemp -d) || exit 1
callers=
SERVER_PID=
failed=0

# Asks all callers to end. Softphones have their own mind about SIGTERM: what is there after two seconds is killed.
callers_end() {
    for c in $callers; do kill "${c#*:}" 2>/dev/null; done
    for i in $(seq 20); do
        alive=
        for c in $callers; do kill -0 "${c#*:}" 2>/dev/null && alive=yes; done
        [ -n "$alive" ] || break
        sleep 0.1
    done
    for c in $callers; do kill -KILL "${c#*:}" 2>/dev/null; done
    callers=
}

wire_end() {
    code=$?
    trap - EXIT INT TERM
    callers_end
    [ -z "$SERVER_PID" ] || kill -KILL "$SERVER_PID" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$TMP"
    exit "$code"
}
trap wire_end EXIT
trap 'exit 1' INT TERM

complain() {
    echo "$*"
    failed=1
}

show() {
    for f in "$@"; do
        echo "---- $(basename "$f")"
        cat "$f"
    done
}

# A port that is probably free: ports of this range are given out by no kernel.
port_guess() {
    echo $((10000 + ($$ * 37 + $1 * 211) % 6000))
}

# Starts mixminusd with these flags and waits until it answers. WRAP may hold what it runs under. It says all it can:
# no secret may be among it.
server_start() {
    for try in 0 1 2 3 4 5 6 7 8 9; do
        SERVER_PORT=$(port_guess $try)
        env ${WRAP:-} MIXMINUS_LOG_LEVEL=debug "$BIN/mixminusd" --store=memory \
            --sip-listen="udp:127.0.0.1:$SERVER_PORT" --sip-listen="tcp:127.0.0.1:$SERVER_PORT" "$@" \
            >"$TMP/server.log" 2>&1 &
        SERVER_PID=$!
        for i in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 $SERVER_PID 2>/dev/null || break
            if "$BIN/mixminus-ua" --options="sip:127.0.0.1:$SERVER_PORT" --wait=1 >/dev/null 2>&1; then
                FACTORY=sip:conferences@127.0.0.1:$SERVER_PORT
                return
            fi
        done
        kill -KILL $SERVER_PID 2>/dev/null
        wait $SERVER_PID 2>/dev/null
        SERVER_PID=
    done
    echo "the server does not start"
    show "$TMP/server.log"
    exit 1
}

# Asks it to end and leaves its exit code in SERVER_CODE.
server_stop() {
    kill -TERM "$SERVER_PID"
    SERVER_CODE=0
    wait "$SERVER_PID" || SERVER_CODE=$?
    SERVER_PID=
}

# What one who hears Opus, or somebody who speaks it, can be asked. Bare libopus bends sums of sines so far: over 200 phases of two tones what lies
# between them came to -34 dB without redundancy and to -28 dB with it, and their levels to -0.8 dB. A voice that should
# not be heard would stand at 0 dB.
OPUS_EAR="--within=3 --clean=20 --own=25"

# caller NAME flags...: in the background; its words go to $TMP/NAME.log.
caller() {
    name=$1
    shift
    "$BIN/mixminus-ua" --name="$name" "$@" >"$TMP/$name.log" 2>&1 &
    callers="$callers $name:$!"
}

# conference NAME flags...: a caller that makes a conference; its URI is in URI.
conference() {
    caller "$@" --factory="$FACTORY"
    await "$1" joined
    URI=$(sed -n 's/.*joined \(sip:[^ ;]*\).*/\1/p' "$TMP/$1.log" | head -n 1)
}

# await NAME WORD: until the caller's log has it.
await() {
    for i in $(seq 100); do
        grep -q "$2" "$TMP/$1.log" 2>/dev/null && return
        sleep 0.05
    done
    complain "$1 never says '$2'"
    show "$TMP/$1.log" "$TMP/server.log"
    exit 1
}

# Waits for all callers; one that is not content fails the test.
callers_wait() {
    for c in $callers; do
        if ! wait "${c#*:}"; then
            complain "${c%%:*} is not content"
            show "$TMP/${c%%:*}.log"
        fi
    done
    callers=
}

verdict() {
    grep -siE 'inline:|response=|sesame|tulip' "$TMP/server.log" && complain "a key, a response or a password is in the log"
    [ "$failed" -eq 0 ] || [ ! -f "$TMP/server.log" ] || show "$TMP/server.log"
    exit "$failed"
}
