# SPDX-License-Identifier: GPL-2.0
# goslab-report.bash - what bash completes after goslab-report.

_goslab_report()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	if [ "$before" = --dir ]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	elif [[ $word == -* && $before != -o && $before != --output ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-o --output --dir -V --version -h --help' \
			-- "$word")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -F _goslab_report goslab-report
