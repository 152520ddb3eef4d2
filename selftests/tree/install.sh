#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What "make install" puts below DESTDIR, "make uninstall" takes away again, and nothing else.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
for program in sluice sluiced sluice-lab sluice-bench; do
	[ -x build/$program ] || { echo "1..0 # SKIP build/$program is not built"; exit 4; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
check() {
	n=$((n + 1))
	if "${@:2}" > "$dir/said" 2>&1; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/said"
		bad=1
	fi
}
there() {
	local f
	for f in bin/sluice bin/sluice-lab bin/sluice-bench sbin/sluiced share/man/man8/sluiced.8 \
		share/man/man8/sluice.8 share/man/man1/sluice-lab.1 lib/systemd/system/sluiced.service \
		share/bash-completion/completions/sluice share/doc/sluice/examples/edge.sluice; do
		[ -f "$dir/root/opt/x/$f" ] || { echo "$f is not there"; return 1; }
	done
}
unit() { grep -q '^ExecStart=/opt/x/sbin/sluiced$' "$dir/root/opt/x/lib/systemd/system/sluiced.service"; }
runs() { "$dir/root/opt/x/bin/sluice" -V; }
nothing_left() { ! find "$dir/root" -type f | grep .; }
relative() { ! tools/install install "$dir/root" opt/x; }
someone_elses() { [ -f "$dir/root/opt/x/bin/other" ] && rm "$dir/root/opt/x/bin/other"; }

check "install" tools/install install "$dir/root" /opt/x
check "all of it is there" there
check "the unit names the daemon where it is" unit
check "what was installed runs" runs
touch "$dir/root/opt/x/bin/other"
check "uninstall" tools/install uninstall "$dir/root" /opt/x
check "what is not ours stays" someone_elses
check "nothing of ours is left" nothing_left
check "a relative PREFIX is refused" relative

# The module's source for DKMS, and the module, if there is one for this kernel.
source_there() {
	local f version
	version=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' kmod/main.c)
	for f in dkms.conf Kbuild kmod/build kmod/main.c kmod/btf/extract-vmlinux \
		kmod/uapi/linux/sluice.h; do
		[ -f "$dir/root/usr/src/sluice-$version/$f" ] || { echo "$f is not there"; return 1; }
	done
	# Nothing that the sources name is left out.
	(cd "$dir/root/usr/src/sluice-$version" && grep -ho '^#include "[^"]*"' kmod/*.[ch] |
		sed 's/.*"\(.*\)"/kmod\/\1/' | sort -u | xargs ls > /dev/null)
}
check "the module" tools/install-module install "$dir/root"
if command -v dkms > /dev/null; then
	check "its source, of the version that it says" source_there
else
	n=$((n + 1))
	echo "ok $n - its source # SKIP dkms is not installed"
fi
check "the module is uninstalled" tools/install-module uninstall "$dir/root"
check "and nothing of it is left" nothing_left
echo "1..$n"
exit $bad
