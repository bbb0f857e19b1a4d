# SPDX-License-Identifier: GPL-2.0
# Completion of goslab-profile for bash.

_goslab_profile()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	local options="-o --output --folded --top --text --type -n --lines --diff
		--kallsyms -V --version -h --help"
	local types="inuse_space inuse_objects alloc_space alloc_objects"

	COMPREPLY=()
	case $before in
	--type)
		mapfile -t COMPREPLY < <(compgen -W "$types" -- "$word")
		return ;;
	-n|--lines)
		return ;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -F _goslab_profile goslab-profile
