#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What describes the family must say the same everywhere: kmod/sluice.yaml, the UAPI header, the
# tables of both ends (userland/netlink/message.c, kmod/netlink.c), and the syzkaller description.
# spec.py compares; here it is also shown copies that differ in one thing, and must see each.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

/usr/bin/env python3 -c 'import yaml' 2>/dev/null || { echo "1..0 # SKIP python3-yaml is missing"; exit 4; }
command -v "${CC:-gcc}" >/dev/null || { echo "1..0 # SKIP ${CC:-gcc} is missing"; exit 4; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
verdict() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/said"
		bad=1
	fi
}

header=kmod/uapi/linux/sluice.h
yaml=kmod/sluice.yaml
user=userland/netlink/message.c
kernel=kmod/netlink.c
syzkaller=selftests/fuzz/sluice.txt

selftests/tree/spec.py . > "$dir/said" 2>&1
verdict $? "the header, the specification, both ends and the fuzzer's description agree"

# sees FILE SED_SCRIPT WORDS: changed so, it is found, and said in these words
sees() {
	local file=$1 script=$2 words=$3 f
	rm -rf "$dir/tree"
	for f in $header $yaml $user $kernel $syzkaller; do
		mkdir -p "$dir/tree/${f%/*}"
		cp "$f" "$dir/tree/$f"
	done
	sed -i "$script" "$dir/tree/$file"
	if cmp -s "$file" "$dir/tree/$file"; then
		echo "the change \"$script\" fits nothing in $file" > "$dir/said"
		verdict 1 "$words"
		return
	fi
	if selftests/tree/spec.py "$dir/tree" > "$dir/said" 2>&1; then
		verdict 1 "is seen in ${file##*/}: $words"
		return
	fi
	grep -q -- "$words" "$dir/said"
	verdict $? "is seen in ${file##*/}: $words"
}

sees $header 's/KEY_MAX		255/KEY_MAX		254/' 'SLUICE_KEY_MAX is 254, not 255'
sees $header 's/^	SLUICE_A_GROUPS,/&\n	SLUICE_A_MORE,/' 'SLUICE_A_MORE is not in the specification'
sees $header 's/^#define SLUICE_HISTORY_MAX.*/&\n#define SLUICE_MORE 1/' \
	'SLUICE_MORE is not in the specification'
sees $header '/^	SLUICE_OBJECT_A_KEY,/d' 'SLUICE_OBJECT_A_KEY is not in the header'
sees $yaml '/^ *name: confirm-left$/{N;s/u32/u64/}' 'STATUS_A_CONFIRM_LEFT is U64, and U32 in message.c'
sees $yaml 's/max-len: event-name-max/max-len: key-max/' 'EVENT_A_NAME has at most 255 bytes, and 63 in'
sees $yaml 's/\[ object, generation, flags \]/[ object, flags ]/' 'GET takes .*GENERATION'
sees $yaml 's/^      value: 11$/      value: 10/' 'verdict-ntf'
sees $user 's/\(A(GENERATION) | A(ACCEPTED)\), A(MESSAGE)/\1, 0/' 'VERDICT takes .*MESSAGE'
sees $user 's/"COMMENT", STRING/"COMMENT", BYTES/' 'A_COMMENT is STRING, and BYTES in message.c'
sees $kernel 's/NLA_BINARY, .len = SLUICE_VALUE_MAX/NLA_BINARY, .len = SLUICE_KEY_MAX/' \
	'OBJECT_A_VALUE has at most 16384 bytes, and 255 in netlink.c'
sees $kernel 's/COMMAND(CONFIRM, generation_policy)/COMMAND(CONFIRM, commit_policy)/' \
	'CONFIRM takes .* in netlink.c'
sees $kernel '/COMMAND(EVENT/d' 'EVENT is no command of netlink.c'
sees $syzkaller 's/SLUICE_CMD_COMMIT/SLUICE_CMD_COMIT/' 'SLUICE_CMD_COMIT is not in the header'
sees $syzkaller '/SLUICE_EVENT_A_TIME/d' 'SLUICE_EVENT_A_TIME is not in sluice.txt'
echo "1..$n"
exit $bad
