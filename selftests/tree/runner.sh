#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# selftests/run itself: programs that behave badly, and what it must say of them.
set -uo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

n=0 bad=0
# expect NAME "LAST LINE" EXIT_CODE, the program on standard input
expect() {
	local said code
	{ echo '#!/bin/bash'; cat; } > "$dir/$n.t"
	chmod +x "$dir/$n.t"
	said=$(TEST_TIMEOUT=1 selftests/run "$dir/$n.t" 2>&1)
	code=$?
	n=$((n + 1))
	if [ "$(tail -n 1 <<< "$said")" = "$2" ] && [ $code = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '# expected "%s", code %s; got code %s and:\n' "$2" "$3" $code
		sed 's/^/#    /' <<< "$said"
		bad=1
	fi
}

expect "two pass" "2 passed, 0 failed, 0 skipped" 0 <<< 'echo 1..2; echo ok 1; echo "ok 2 - x"'
expect "plan at the end" "1 passed, 0 failed, 0 skipped" 0 <<< 'echo ok; echo 1..1'
expect "two groups" "3 passed, 0 failed, 0 skipped" 0 <<< \
	'echo 1..1; echo ok 1; echo 1..2; echo ok 1; echo ok 2'
expect "first group cut short" "3 passed, 1 failed, 0 skipped" 1 <<< \
	'echo 1..2; echo ok 1; echo 1..2; echo ok 1; echo ok 2'
expect "one fails" "1 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..2; echo ok 1; echo not ok 2'
expect "no plan" "1 passed, 1 failed, 0 skipped" 1 <<< 'echo ok 1'
expect "says nothing" "0 passed, 1 failed, 0 skipped" 1 <<< ':'
expect "plans nothing" "0 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..0'
expect "too few" "1 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..2; echo ok 1'
expect "too many" "2 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..1; echo ok 1; echo ok 2'
expect "the same test twice" "2 passed, 1 failed, 0 skipped" 1 <<< \
	'echo 1..2; echo ok 1; echo ok 1'
expect "all well, exit code 3" "1 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..1; echo ok 1; exit 3'
expect "dies of a signal" "1 passed, 2 failed, 0 skipped" 1 <<< \
	'echo 1..2; echo ok 1; kill -SEGV $$'
expect "hangs" "1 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..1; echo ok 1; sleep 60'
expect "bails out" "1 passed, 1 failed, 0 skipped" 1 <<< 'echo 1..1; echo ok 1; echo "Bail out! no"'
expect "skips one test" "1 passed, 0 failed, 1 skipped" 0 <<< \
	'echo 1..2; echo ok 1; echo "ok 2 - x # SKIP no tool"'
expect "skips all by its plan: no test ran" "0 passed, 0 failed, 1 skipped" 1 <<< \
	'echo "1..0 # SKIP no kernel"'
expect "skips all by exit code 4" "0 passed, 0 failed, 1 skipped" 1 <<< 'echo no tool; exit 4'
expect "exit code 4 hides no failure" "0 passed, 1 failed, 0 skipped" 1 <<< \
	'echo 1..1; echo not ok 1; exit 4'
expect "a skip as cmocka writes it" "1 passed, 0 failed, 1 skipped" 0 <<< \
	'echo 1..2; echo ok 1; echo "not ok 2 # SKIP me"'
expect "leaves a child behind" "1 passed, 0 failed, 0 skipped" 0 <<< \
	"echo 1..1; echo ok 1; sleep 61 & echo \$! > $dir/child"
n=$((n + 1))
child=$(cat "$dir/child")
alive() { local state; state=$(ps -o stat= -p "$child") && [ "${state:0:1}" != Z ]; }
for _ in {1..50}; do
	alive || break
	sleep 0.1
done
if alive; then
	echo "not ok $n - the child is gone"; bad=1
else
	echo "ok $n - the child is gone"
fi

# What the runner itself says as TAP is judged as any program's.
tell() { printf '#!/bin/bash\n%s\n' "$2" > "$dir/$1"; chmod +x "$dir/$1"; }
tell two 'echo 1..2; echo ok 1 - a; echo ok 2 - b'
tell skips 'echo "1..0 # SKIP no kernel"'
tell fails 'echo 1..2; echo "not ok 1 - c"; echo "Bail out! no"'
expect "all of several programs, as one" "2 passed, 0 failed, 1 skipped" 0 <<< \
	"selftests/run --tap $dir/two $dir/skips"
expect "one of several fails" "2 passed, 3 failed, 0 skipped" 1 <<< \
	"selftests/run --tap $dir/two $dir/fails"
echo "1..$n"
exit $bad
