# goslabtop.bash - what bash completes after goslabtop.

_goslabtop() {
	local word=${COMP_WORDS[COMP_CWORD]}

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-w | --view)
		COMPREPLY=($(compgen -W 'class cache heap module cpu' -- "$word")) ;;
	-s | --sort)
		COMPREPLY=($(compgen -W 'a b c l v n o p s u' -- "$word")) ;;
	-r | --root)
		compopt -o dirnames 2>/dev/null
		COMPREPLY=() ;;
	-d | --delay)
		COMPREPLY=() ;;
	*)
		COMPREPLY=($(compgen -W '-d --delay -s --sort -o --once -w
			--view -r --root --human -h --help -V --version' -- "$word")) ;;
	esac
}

complete -F _goslabtop goslabtop
