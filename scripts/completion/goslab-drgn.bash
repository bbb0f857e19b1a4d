# SPDX-License-Identifier: GPL-2.0
# Completion of goslab-drgn for bash.

_goslab_drgn()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	local options="-c --core -m --module -V --version -h --help"
	local commands="heaps classes modules objects find leaks" given

	for given in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $given in
		objects) options="-C --class -H --heap -M --owner -n --most -h --help" ;;
		heaps | classes | modules | find | leaks) options="-h --help" ;;
		*) continue ;;
		esac
		commands=""
	done
	COMPREPLY=()
	case $before in
	-c | --core | -m | --module)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	-C | --class | -H | --heap | -M | --owner | -n | --most) ;;
	*) mapfile -t COMPREPLY < <(compgen -W \
		"$([[ $word != -* ]] || echo "$options") $commands" -- "$word") ;;
	esac
}

complete -F _goslab_drgn goslab-drgn
