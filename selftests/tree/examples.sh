#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the documents show works: every policy of examples/, of README.md and of the manual is right, without a
# warning, and every network is proved.
set -uo pipefail
cd "$(dirname "$0")/../.."

n=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# right WHAT COMMAND...
right() {
	local what=$1 said
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1 < /dev/null) && ! grep -q 'warning:' <<< "$said"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		sed 's/^/# /' <<< "$said"
		failed=1
	fi
}

# The policy of README.md is its first block, those of the manual the ones under EXAMPLES.
awk '/^```/ { if (inside) exit; inside = 1; next } inside' README.md > "$scratch/readme.sluice"
sed 's/\\(dq/"/g' man/sluice-policy.5 | awk -v to="$scratch/manual" '
	/^\.Sh/ { examples = /EXAMPLES/ }
	/^\.Ed/ { inside = 0 }
	inside { print > (to n ".sluice") }
	examples && /^\.Bd/ { inside = 1; n++ }'

for f in $(find examples -name '*.sluice' | sort) "$scratch/readme.sluice" \
	"$scratch"/manual[12].sluice; do
	[ -s "$f" ] || { echo "Bail out! $f is empty"; exit 1; }
	right "${f#"$scratch"/}" build/sluice check "$f"
done
for f in $(find examples -name '*.net' | sort); do
	right "$f" build/sluice network "$f"
done
echo "1..$n"
exit $failed
