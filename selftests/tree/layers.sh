#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# No include runs against the layers; and tools/check-layers sees those that would.
set -uo pipefail
cd "$(dirname "$0")/../.."
n=0 bad=0
verdict() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' <<< "$said"
		bad=1
	fi
}

said=$(tools/check-layers 2>&1)
verdict $? "the tree's includes follow DESIGN.md section 10"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
git init -q "$dir"
mkdir -p "$dir"/tools "$dir"/bpf "$dir"/userland/{base,policy,lpm,dd,other}
cp tools/check-layers "$dir/tools/"
touch "$dir"/tools/b.h "$dir"/bpf/{reasons,layout}.h
touch "$dir"/userland/{base/vec,policy/tree,lpm/lpm,dd/dd}.h

# sees FILE INCLUDE WORDS: the include is refused, in these words
sees() {
	echo "#include \"$2\"" > "$dir/$1"
	said=$("$dir/tools/check-layers" 2>&1) && said="it said nothing. $said"
	grep -q "$3" <<< "$said"
	verdict $? "$1 may not include $2"
	rm "$dir/$1"
}
sees userland/lpm/a.c policy/tree.h "lpm may not include policy"
sees userland/base/a.c lpm/lpm.h "base may not include lpm"
sees userland/policy/a.c bpf/layout.h "policy may not include layout"
sees userland/dd/a.c ../lpm/lpm.h "dd may not include lpm"
sees userland/policy/a.c ../../tools/b.h "policy may not include tools"
sees userland/other/a.c base/vec.h "not a part of DESIGN.md"
echo "#include \"dd/dd.h\"" > "$dir/userland/lpm/c.h"
echo "#include \"lpm/lpm.h\"" > "$dir/userland/dd/c.h"
sees userland/dd/d.c lpm/lpm.h "a circle: "
rm "$dir"/userland/{lpm,dd}/c.h
echo '#include "base/vec.h"' > "$dir/userland/lpm/b.c"
echo '#include <bpf/reasons.h>' >> "$dir/userland/lpm/b.c"
said=$("$dir/tools/check-layers" 2>&1)
verdict $? "what the table allows is allowed"
echo "1..$n"
exit $bad
