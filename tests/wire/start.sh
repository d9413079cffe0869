# What operators meet before the first call: starts that are refused in one sentence and a non-zero exit, two servers
# on one store, a password that is typed.
. "$(dirname "$0")/wire.sh"
refused() { # refused WORDS flags...: the server does not start, and says so
    words=$1
    shift
    timeout 20 "$BIN/mixminusd" "$@" >"$TMP/refused" 2>&1 && complain "$* was taken"
    grep -q -- "$words" "$TMP/refused" || { complain "$*: nothing is said of '$words'"; show "$TMP/refused"; }
}
server_start --store=memory
refused 'is in use by another program; stop it' --store=memory --sip-listen="udp:127.0.0.1:$SERVER_PORT"
server_stop
refused 'is no address of this host' --store=memory --rtp-interface=198.51.100.7
refused 'No such file or directory' --store=memory --sip-listen=tls:127.0.0.1:0 --tls-cert=/nonexistent.pem
refused 'no CPU 1000 that this process may use' --store=memory --worker-cpus=1000
refused 'MB are free; lower one' --store=memory --workers=256 --worker-legs-max=65535
MIXMINUS_TALKRS=3 refused 'did you mean MIXMINUS_TALKERS' --store=memory
printf 'talkers = 3\nquiet = 9\n' >"$TMP/bad.ini"
refused 'line 2: there is no key' --config="$TMP/bad.ini"
# The names of the last release serve, and each is one warning, in the log as at a look.
printf 'linger-s = 3\n' >"$TMP/old.ini"
old="--config=$TMP/old.ini --port-min=18000"
# shellcheck disable=SC2086
MIXMINUS_HALF_CALLS=9 "$BIN/mixminusd" --check-config --store=memory $old >"$TMP/old" 2>&1 || complain "old names are refused"
# shellcheck disable=SC2086
server_start $old
server_stop
# shellcheck disable=SC2086
"$BIN/mixminusctl" conf list --store="sqlite:$TMP/old.db" $old >"$TMP/old_ctl" 2>&1 || complain "mixminusctl refuses old names"
for file in old server.log old_ctl; do
    for words in 'line 1: the key linger-s is now conference-linger-s' '--port-min is now --rtp-port-min'; do
        [ "$(grep -c -- "$words" "$TMP/$file")" -eq 1 ] || { complain "$file: not one line of '$words'"; show "$TMP/$file"; }
    done
done
grep -q 'MIXMINUS_HALF_CALLS is now MIXMINUS_SOURCE_UNACKED' "$TMP/old" || complain "nothing is said of MIXMINUS_HALF_CALLS"
head -c 5000 /dev/urandom >"$TMP/damaged.db"
refused 'the file is damaged' --store="sqlite:$TMP/damaged.db"
"$BIN/mixminusd" --check-config --store="sqlite:$TMP/damaged.db" >/dev/null 2>&1
[ $? -eq 2 ] || complain "--check-config passes a damaged store"
"$BIN/mixminusd" --check-config --store=memory | grep -qx 'the configuration is fine' || complain "--check-config says nothing"
"$BIN/mixminusd" -h | grep -q -- --sip-listen || complain "-h is no help"
"$BIN/mixminusctl" -h | grep -q doctor || complain "mixminusctl -h is no help"
"$BIN/mixminus-ua" -h | grep -q -- --factory || complain "mixminus-ua -h is no help"

# One server a store; operators' programs beside it; after its end, however that comes, the next.
store=sqlite:$TMP/store.db
server_start --store="$store"
refused "in use by process $SERVER_PID, and serves one server" --store="$store" --sip-listen=udp:127.0.0.1:0
"$BIN/mixminusctl" conf list --store="$store" >/dev/null || complain "mixminusctl cannot read beside the server"
"$BIN/mixminusctl" conf set conf=sales --locked=yes --store="$store" >/dev/null || complain "mixminusctl cannot write beside it"
"$BIN/mixminusd" --check-config --store="$store" >/dev/null || complain "--check-config fails while the server runs"
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null
server_start --store="$store"
server_stop

# A service manager is told when the server serves, and when it stops.
python3 - "$BIN/mixminusd" "$TMP/notify" >"$TMP/notified" 2>&1 <<'END' || { complain "the service manager is told nothing"; show "$TMP/notified"; }
import os, signal, socket, subprocess, sys
for path in (sys.argv[2], "@mixminus-%d" % os.getpid()):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path.replace("@", "\0"))
    manager.settimeout(20)
    server = subprocess.Popen([sys.argv[1], "--store=memory", "--sip-listen=udp:127.0.0.1:0"], stderr=subprocess.DEVNULL,
                              env=dict(os.environ, NOTIFY_SOCKET=path))
    try:
        assert manager.recv(100) == b"READY=1"
        server.send_signal(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        assert server.wait(20) == 0
    finally:
        server.kill()
END

# A password on a terminal is asked for twice and not shown.
python3 - "$BIN/mixminusctl" "$store" >"$TMP/typed" 2>&1 <<'END' || { complain "the password is shown, or not asked for twice"; show "$TMP/typed"; }
import os, pty, sys, time
def typed(lines, want):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], "user", "add", "rose%d" % want, "--store=" + sys.argv[2]])
    seen = b""
    for line in lines:
        while not seen.rstrip().endswith(b":"):
            seen += os.read(fd, 1024)
        time.sleep(0.2)
        os.write(fd, line + b"\n")
        seen += b"|"
    try:
        while True:
            more = os.read(fd, 1024)
            if not more:
                break
            seen += more
    except OSError:
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(seen, code)
    assert b"sesame" not in seen and code == want and seen.count(b"password") >= 2
typed([b"sesame", b"sesame"], 0)
typed([b"sesame", b"sesami"], 1)
END
verdict
