#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What bash completes for sluice: verbs, commands, options and their values, at the place asked for.
cd "$(dirname "$0")/../.." || exit 1
. tools/sluice/completion.bash
tests=0 failed=0

# completes WANTED WORD...: the last word is the one being typed
completes() {
	local wanted=$1 got
	shift
	COMP_WORDS=(sluice "$@") COMP_CWORD=$# COMPREPLY=()
	_sluice
	got=${COMPREPLY[*]}
	tests=$((tests + 1))
	if [ "$got" = "$wanted" ]; then
		echo "ok $tests - sluice $*"
	else
		failed=1
		echo "not ok $tests - sluice $*"
		echo "# wanted \"$wanted\", got \"$got\""
	fi
}

all="status check plan equiv network core apply confirm rollback history batch policy port route group set object"
completes "$all flow counter top monitor module trace testgen replay import" ""
completes "plan policy port" p
completes "show get add replace del flush" route ""
completes get route g
completes "show" counter ""
completes "status load" module ""
completes "show add replace del flush" set ""
completes "native" port add wan eth0 mode n
completes "host" group add 239.1.1.1 from wan to h
completes "via" route add 10.0.0.0/8 v
completes "--atomic" -batch /nonexistent --a
completes "--confirm --comment" apply --co
completes "--rib" route get --r
completes "--json" --j
completes "--print --prove-time --pretty" check --pr
completes "--against" plan --ag
completes "--dd --dot" core --d
completes "" route get 10.0.0.1 --limit
completes "route" -n x rou
completes "rollback route" --netns x --json ro
completes "README.md" check READ
completes "README.md" apply Makefile READ
completes "LICENSE" route get --rib LIC
completes "bpf eval both" replay --engine ""
completes "--any-link" replay --engine eval --an
echo "1..$tests"
exit $failed
