# SPDX-License-Identifier: GPL-2.0
# bash completion for sluice(8).

# Numbers of the generations that are in state $1.
_sluice_generations()
{
	sluice -j history 2>/dev/null |
		sed -n "s/.*\"number\":\([0-9]*\),\"state\":\"$1\".*/\1/p"
}

_sluice_ports()
{
	sluice -j port show 2>/dev/null | sed -n 's/.*"name":"\([^"]*\)".*/\1/p'
}

_sluice_added_ports()
{
	sluice object show 2>/dev/null | sed -n 's/^port add \([^ ]*\).*/\1/p'
}

_sluice()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local common="--json --pretty --statistics --netns --version --help"
	local i word words=() own="" files=
	COMPREPLY=()

	case $prev in
	-n|--netns)
		COMPREPLY=($(compgen -W "$(ls /run/sluice/netns 2>/dev/null)" -- "$cur"))
		return ;;
	--policy|--pcap|--against|--routes|--rib|--objects|-batch|--batch)
		COMPREPLY=($(compgen -f -- "$cur"))
		return ;;
	--engine)
		COMPREPLY=($(compgen -W "bpf eval both" -- "$cur"))
		return ;;
	--limit|--interval|--port|--mac|--confirm|--comment|--prove-time|--table-budget|--witness-time|--budget)
		return ;;
	esac

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-n|--netns|--policy|--pcap|--routes|--chain|--table|--rib|--objects|--engine|--limit|\
		--interval|--port|--mac|--against|--table-budget|--witness-time|--confirm|--comment|\
		--generation|--prove-time|--budget) i=$((i + 1)) ;;
		-batch|--batch) words+=(batch) i=$((i + 1)) ;;
		-*) ;;
		*) words+=("$word") ;;
		esac
	done

	if ((${#words[@]} > 2)); then
		case $prev in
		mode)
			COMPREPLY=($(compgen -W "native generic" -- "$cur"))
			return ;;
		port|from)
			COMPREPLY=($(compgen -W "$(_sluice_ports)" -- "$cur"))
			return ;;
		to)
			COMPREPLY=($(compgen -W "$(_sluice_ports) host" -- "$cur"))
			return ;;
		esac
	fi

	case "${words[*]}" in
	"")
		own="status check plan equiv network core apply confirm rollback history batch policy port route"
		own="$own group set object flow counter top monitor module trace testgen replay import" ;;
	policy|object)
		own="show" ;;
	"policy show"*)
		own="--counters" ;;
	port|group|set)
		own="show add replace del flush" ;;
	route)
		own="show get add replace del flush" ;;
	batch*)
		own="--force --atomic --confirm --comment" files=1 ;;
	"port add"*|"port replace"*)
		own="mode --confirm --comment" ;;
	"route add"*|"route replace"*)
		own="via port discard table --confirm --comment" ;;
	"group add"*|"group replace"*)
		own="source from to vlan ttl --confirm --comment" ;;
	"set add"*|"set replace"*)
		own="timeout --confirm --comment" ;;
	"route del"*|"route flush"*)
		own="table --confirm --comment" ;;
	"group del"*)
		own="source from to --confirm --comment" ;;
	"group flush"*)
		own="source from --confirm --comment" ;;
	"port del"*)
		own="--confirm --comment $(_sluice_added_ports)" ;;
	"port flush"*|"set del"*|"set flush"*)
		own="--confirm --comment" ;;
	"object show"*)
		own="--generation" ;;
	flow|counter)
		own="show" ;;
	module)
		own="status load" ;;
	"module load")
		files=1 ;;
	import)
		own="iptables-save nft-json classbench" ;;
	import*)
		own="--chain --table --port --routes --family --lenient" files=1 ;;
	check*)
		own="--print --objects --prove-time --no-proof" files=1 ;;
	plan*)
		own="--against --exit-code --brief --objects --prove-time --table-budget --witness-time" files=1 ;;
	equiv*)
		own="--objects --prove-time" files=1 ;;
	network*)
		own="--prove-time" files=1 ;;
	core*)
		own="--plain --read --dd --sources --dot --budget --objects" files=1 ;;
	apply*)
		own="--confirm --comment" files=1 ;;
	confirm)
		own=$(_sluice_generations running) ;;
	rollback)
		own="--confirm --comment $(_sluice_generations history)" ;;
	"route show")
		own="--ip4 --ip6 table vrf" ;;
	"route get"*)
		own="--rib table vrf" ;;
	"flow show")
		own="--limit" ;;
	"port show")
		own=$(_sluice_ports) ;;
	top)
		own="--interval" ;;
	trace*)
		own="--live --pcap --port --objects --routes --any-link" files=1 ;;
	testgen*)
		own="--write --objects --time" files=1 ;;
	replay*)
		own="--policy --pcap --port --objects --routes --engine --each --mac --any-link" ;;
	esac

	[[ $cur != -* && -n $files ]] && COMPREPLY=($(compgen -f -- "$cur"))
	[[ $cur == -* ]] && own="$own $common"
	COMPREPLY+=($(compgen -W "$own" -- "$cur"))
}

complete -o filenames -F _sluice sluice
