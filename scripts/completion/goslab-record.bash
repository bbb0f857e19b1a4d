# SPDX-License-Identifier: GPL-2.0
# goslab-record.bash - what bash completes after goslab-record.

_goslab_record()
{
	local word=${COMP_WORDS[COMP_CWORD]}

	COMPREPLY=()
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-d | --delay | -n | --count) ;;
	-o | --output)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '-d --delay -n --count -o --output
			--dir -V --version -h --help' -- "$word") ;;
	esac
}

complete -F _goslab_record goslab-record
