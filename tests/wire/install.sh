# What cmake --install puts below a prefix is whole: programs that start and find their prompts without a flag, the demo,
# manual pages, pages whose links lead somewhere, a unit that names them; an operator's file stays as it is.
. "$(dirname "$0")/wire.sh"
build=$(dirname "$BIN")
prefix=$TMP/opt
cmake --install "$build" --prefix "$prefix" >"$TMP/install" 2>&1 || { complain "cmake --install fails"; show "$TMP/install"; verdict; }
for file in bin/mixminusd bin/mixminusctl bin/mixminus-ua bin/mixminus-load bin/mixminus-replay bin/mixminus-bench \
    share/man/man8/mixminusd.8 share/man/man1/mixminusctl.1 share/man/man5/mixminus.ini.5 lib/sysusers.d/mixminus.conf \
    lib/systemd/system/mixminusd.service etc/mixminus/mixminus.ini share/doc/mixminus/operate.md \
    share/doc/mixminus/examples/kamailio.cfg share/doc/mixminus/LICENSE; do
    [ -s "$prefix/$file" ] || complain "$file is not there"
done
"$prefix/bin/mixminusd" --version | grep -q '^mixminusd ' || complain "the program does not run"

# The unit's own command, from a place that knows nothing of the build.
command=$(sed -n 's/^ExecStart=//p' "$prefix/lib/systemd/system/mixminusd.service")
case $command in "$prefix"/bin/mixminusd\ --config="$prefix"/etc/mixminus/mixminus.ini) ;; *) complain "the unit starts $command" ;; esac
(cd / && $command --store=memory --check-config) | grep -q 'is fine' || complain "the unit's command is refused"
BIN=$prefix/bin
server_start
if [ -d "$build/share/mixminus/prompts" ]; then
    grep -q " announcements in $prefix/share/mixminus/prompts" "$TMP/server.log" || complain "the prompts are not found"
    grep -q 'beeps stand for them' "$TMP/server.log" && complain "prompts are missing"
fi
server_stop
"$BIN/mixminus-load" --demo --server="$BIN/mixminusd" --out="$TMP/demo" >"$TMP/demo.log" || { complain "the demo fails"; show "$TMP/demo.log"; }

# Every link of an installed page leads to an installed file.
for page in "$prefix"/share/doc/mixminus/*.md; do
    grep -o '](\([^)#:]*\))' "$page" | sed 's/^](//; s/)$//' | while read -r link; do
        [ -e "$prefix/share/doc/mixminus/$link" ] || echo "$(basename "$page"): $link"
    done
done >"$TMP/broken"
[ -s "$TMP/broken" ] && { complain "links that lead nowhere"; show "$TMP/broken"; }

# A second time, as a package does it: below DESTDIR, for /usr and /etc; and over what an operator has written.
DESTDIR=$TMP/root cmake --install "$build" --prefix /usr >"$TMP/install" 2>&1 || complain "DESTDIR fails"
[ -s "$TMP/root/etc/mixminus/mixminus.ini" ] && [ ! -e "$TMP/root/usr/etc" ] || complain "the configuration is not in /etc"
grep -q '^ExecStart=/usr/bin/mixminusd --config=/etc/mixminus/mixminus.ini$' "$TMP/root/usr/lib/systemd/system/mixminusd.service" ||
    complain "the unit names another place"
echo 'talkers = 5' >"$prefix/etc/mixminus/mixminus.ini"
cmake --install "$build" --prefix "$prefix" >"$TMP/install" 2>&1 || complain "it cannot be installed twice"
[ "$(cat "$prefix/etc/mixminus/mixminus.ini")" = 'talkers = 5' ] || complain "the operator's file is overwritten"
verdict
