# SPDX-License-Identifier: GPL-2.0
# bash completion for sluice(8).

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
	--policy|--pcap|--routes|--rib)
		COMPREPLY=($(compgen -f -- "$cur"))
		return ;;
	--engine)
		COMPREPLY=($(compgen -W "bpf eval both" -- "$cur"))
		return ;;
	--limit|--interval|--port|--mac)
		return ;;
	esac

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-n|--netns|--policy|--pcap|--routes|--rib|--engine|--limit|--interval|--port|--mac) i=$((i + 1)) ;;
		-*) ;;
		*) words+=("$word") ;;
		esac
	done

	case "${words[*]}" in
	"")
		own="status check apply policy port route group flow counter top monitor replay" ;;
	policy|port|group)
		own="show" ;;
	route)
		own="show get" ;;
	flow|counter)
		own="show" ;;
	check*)
		own="--print" files=1 ;;
	apply*)
		files=1 ;;
	"route show")
		own="--ip4 --ip6" ;;
	"route get"*)
		own="--rib" ;;
	"flow show")
		own="--limit" ;;
	"port show")
		own=$(sluice -j port show 2>/dev/null | sed -n 's/.*"name":"\([^"]*\)".*/\1/p') ;;
	top)
		own="--interval" ;;
	replay*)
		own="--policy --pcap --port --routes --engine --each --mac --any-link" ;;
	esac

	[[ $cur != -* && -n $files ]] && COMPREPLY=($(compgen -f -- "$cur"))
	[[ $cur == -* ]] && own="$own $common"
	COMPREPLY+=($(compgen -W "$own" -- "$cur"))
}

complete -o filenames -F _sluice sluice
