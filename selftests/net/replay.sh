#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Recorded captures, malformed ones among them: the real programs and the plain meaning
# say the same of every packet, and nothing crashes. The captures are not ours to ship: without
# $SLUICE_DATA this is skipped.
set -uo pipefail
cd "$(dirname "$0")/../.."

data=${SLUICE_DATA:-../shared/data}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root to load programs"; exit 4; }
[ -d "$data/pcap" ] || { echo "1..0 # SKIP no captures in $data/pcap"; exit 4; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/policy" <<'P'
port wan = "eth0"; port fa = "eth1"; port fb = "eth2"; port app = "eth3";
route main;
multicast {
    (*, 239.255.255.250) from wan to app, host;
    (*, 224.0.0.0/4)     from wan to fa, fb vlan 12 ttl 3;
    (*, ff00::/8)        from wan to fb, app ttl 9;
}
measure all by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) { slots 1024; }
P
printf '%s\n' "0.0.0.0/0 1" "::/0 2" "10.0.0.0/8 3" "192.168.0.0/16 2" > "$scratch/routes"

n=0
# Captures that end in the middle of a record are replayed up to there, and exit with 1: what
# counts is that no packet was judged differently.
agree() {
	local what=$1 out code
	shift
	n=$((n + 1))
	out=$(build/sluice replay --policy "$scratch/policy" --routes "$scratch/routes" --engine both \
		--any-link --pcap "$@" 2> "$scratch/errors")
	code=$?
	if [ $code -le 1 ] && grep -q "^bpf and eval agree: 0 disagreements" <<< "$out"; then
		echo "ok $n - $what: $(head -n 1 <<< "$out" | cut -d ';' -f 1)"
	else
		echo "not ok $n - $what: exit code $code"
		head -n 20 "$scratch/errors" | sed 's/^/# /'
		tail -n 5 <<< "$out" | sed 's/^/# /'
	fi
}

echo "TAP version 13"
for archive in "$data"/pcap/malformed/*.tar.xz; do
	name=$(basename "$archive" .tar.xz)
	mkdir "$scratch/captures"
	tar -xJf "$archive" -C "$scratch/captures"
	mapfile -d '' files < <(find "$scratch/captures" -type f -size +23c \
		\( -name '*.pcap*' -o -name '*.cap*' -o -name '*.dmp*' -o -name '*.ntar*' \) -print0 | sort -z)
	agree "$name, ${#files[@]} files" "${files[@]}"
	rm -r "$scratch/captures"
done
for file in "$data"/pcap/malformed/*.pcap* "$data"/pcap/attack/*.pcap* "$data"/pcap/*.pcap*; do
	agree "$(basename "$file")" "$file"
done
echo "1..$n"
