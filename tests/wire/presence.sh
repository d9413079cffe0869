# Presence over the wire, with accounts, digest and rules by mixminusctl: publications and their tags, watchers and a spy,
# lists, what operators see. xmllint reads every document; rules outlive a restart.
# Rows 76, 78, 111, 112, 113 and 114. Shows C63, C64, C65, C66, A45, A46.
. "$(dirname "$0")/wire.sh"
command -v xmllint >/dev/null || { echo "xmllint is not installed"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
store=sqlite:$TMP/store.db
for user in alice:sesame bob:tulip eve:tulip carol:tulip; do
    printf '%s\n' "${user#*:}" | "$BIN/mixminusctl" user add "${user%:*}" --entitled=no --store="$store" --auth-realm=ims.example >/dev/null ||
        complain "no account ${user%:*}"
done
server_start --store="$store" --auth=digest --auth-digests=MD5 --auth-realm=ims.example --control-socket="$TMP/control"
mkdir "$TMP/documents"
(cd "$TMP/documents" && PYTHONPATH=$here python3 "$here/presence.py" "$SERVER_PORT" "$BIN/mixminusctl" "--control-socket=$TMP/control") >"$TMP/said" 2>&1
[ -s "$TMP/said" ] && { complain "the users complain"; show "$TMP/said"; }
for kind in pidf rlmi winfo reginfo; do
    ls "$TMP/documents" | grep -q "$kind" || complain "no document of the kind $kind"
done
xmllint --noout "$TMP"/documents/*.xml >"$TMP/lint" 2>&1 || { complain "a document is no XML"; show "$TMP/lint"; }
ctl() { "$BIN/mixminusctl" "$@" --control-socket="$TMP/control"; }
ctl rules set bob 'sip:alice@127.0.0.1=hide' 2>"$TMP/refused" && complain "an action that is none is taken"
grep -q 'urn:mixminus:problem:body' "$TMP/refused" || { complain "no problem is said"; show "$TMP/refused"; }
ctl group show none 2>/dev/null && complain "a group that is not there is shown"
ctl group set 'a/b' sip:a@x 2>/dev/null && complain "a name that is none is taken"
server_stop
ctl presence list 2>/dev/null
[ $? = 3 ] || complain "a server that is not there is asked"
"$BIN/mixminusd" --store="$store" --auth=digest --auth-digests=MD5 --auth-realm=ims.example --control-socket="$TMP/control" \
    --sip-listen="udp:127.0.0.1:$SERVER_PORT" >>"$TMP/server.log" 2>&1 &
SERVER_PID=$!
for i in $(seq 100); do ctl show live >/dev/null 2>&1 && break; sleep 0.1; done
for i in $(seq 50); do rules=$(ctl rules show bob 2>/dev/null) && break; sleep 0.1; done
[ "$rules" = '{"rules":[{"who":"alice@127.0.0.1","action":"allow"}]}' ] || complain "bob's rules after the restart: $rules"
ctl presence list | grep -q '"user":"carol".*"status":"registered"' || complain "carol is not registered after the restart"
verdict
