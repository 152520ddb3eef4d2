#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Properties, a million random cases of each:
#	dd			diagrams against the plain meaning, and the laws of KAT, of packets, of sets; on small
#				domains equal meaning is equal pointer. A case is an expression, or three.
#	policy_print		what is printed parses to the same tree. A case is a policy.
#	core			the expression of a policy: printed and read, made plain, as a diagram, against eval.
#				A case is a packet: 20 an expression, 40 a policy.
#	eval_filter		two readers of a predicate. A case is a packet.
#	behaviour		equiv, plan and assertions against eval; equiv on every packet of a small domain.
#	show			what plan says of a class, read as a predicate by eval. A case is a packet.
#	analyse			difference and dead rules on every packet of small domains.
#	filter			eval, the program in the kernel, the walk of the image (root). A case is a frame.
# Some 20 minutes of one processor; CASES= and SEED= choose, names as arguments say which; "#" lines say
# what was done, and how long it took.
cd "$(dirname "$0")/../.." || exit 1
CASES=${CASES:-1000000}
export CMOCKA_MESSAGE_OUTPUT=TAP
TIMEFORMAT='# %R s, %U s of a processor and %S s in the kernel'
status=0

try() {
	local name=$1 cases=$2 code

	[ ${#only[@]} = 0 ] || [[ " ${only[*]} " = *" $name "* ]] || return
	echo "# $name: CASES=$cases"
	time CASES=$cases "build/test/test_$name"
	code=$?
	[ $code = 0 ] || [ $code = 4 ] || status=1
}

only=("$@")
try dd "$CASES"
try policy_print "$CASES"
try core $((CASES / 20))
try eval_filter "$CASES"
try behaviour "$CASES"
try show "$CASES"
try analyse "$CASES"
try filter "$CASES"
exit $status
