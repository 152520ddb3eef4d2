#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The benchmark of the store: whichever home it has, all operations are measured and said.
. "$(dirname "$0")/lib.sh"
need jq
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

lines() { jq -s -e "$1" "$scratch/bench"; }
check "a small run" eval 'sluice-bench store --json --objects 3000 --rounds 2 > "$scratch/bench"'
check "five operations, each with its time" \
	lines 'map(select(.ns_median > 0) | .operation) | sort == ["dump","getfamily","set","set_one","status"]'
check "the store is where it should be" \
	lines "map(select(.engine == \"sluice\") | .where) | unique == [\"$(store_home)\"]"
check "all objects were set at once" lines '.[] | select(.operation == "set") | .objects == 3000'
check "many objects a message are cheaper than one" \
	lines 'map({(.operation): .ns_median}) | add | .set < .set_one'
check "no such option" fails_saying "usage" sluice-bench store --nonsense
finish
