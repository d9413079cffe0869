#!/bin/sh
# The README's first command on a machine where nothing else ever ran: makes the smallest Debian 12 in a folder, copies
# the tree into it, and runs tools/run --demo there, which has to install and build all that it needs. Not a ctest: it
# needs the network for packages. tools/test runs it once.
#   tests/bare.sh [COMMAND]   COMMAND instead of "tools/run --demo"
# Exit: 0 the command succeeded, 77 skipped (says why), else failed. The root lies in build/bare and is removed.
set -u
cd "$(dirname "$0")/.."
root=$PWD/build/bare
command=${1:-tools/run --demo}

skip() { echo "bare: skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "only root can make a root file system"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
unshare -m true 2>/dev/null || skip "this system permits no mount namespace of our own"

# Where this machine has its packages from: the first Debian mirror of its own lists, which the new root gets as well.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/debian*.list /etc/apt/sources.list.d/debian*.sources 2>/dev/null |
    sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) bookworm .*/\2/p; s/^URIs: \([^ ]*\).*/\1/p' | head -n 1)
[ -n "$mirror" ] || skip "no Debian mirror is in the apt lists of this machine"

# Everything that is mounted belongs to this namespace and goes with it.
if [ "${BARE_INSIDE:-}" != 1 ]; then
    BARE_INSIDE=1 unshare -m --propagation private "$0" "$command"
    code=$?
    rm -rf --one-file-system "$root"
    exit $code
fi

rm -rf --one-file-system "$root"
mkdir -p "$root"
debootstrap --variant=minbase bookworm "$root" "$mirror" >build/bare.log 2>&1 || {
    tail -n 5 build/bare.log
    skip "debootstrap cannot make a root from this machine's mirror"
}
for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian*; do
    [ -e "$list" ] && mkdir -p "$root$(dirname "$list")" && cp "$list" "$root$list"
done
[ -e /etc/apt/sources.list ] || rm -f "$root/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::(Check|http|https|ftp)' >"$root/etc/apt/apt.conf.d/90machine"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
mkdir "$root/mixminus"
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ -e "$f" ] && printf "%s\0" "$f"; done' sh |
    tar -c --null -T - | tar -x -C "$root/mixminus"
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys" ||
    skip "this system permits no mounts"
echo "bare: in a root of $(ls "$root/var/lib/dpkg/info" | grep -c '\.list$') packages: $command"
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    chroot "$root" sh -c "cd /mixminus && $command"
