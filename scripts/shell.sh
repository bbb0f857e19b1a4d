#!/bin/bash
# shell.sh - a shell in User-Mode Linux with goslab loaded, debugfs mounted.
#
# CPUS=N and MEM=SIZE set the machine; all modules are in /modules.

. "$(dirname "$0")/lib.sh"

# User-Mode Linux aborts when its console is a pipe.
[ -t 0 ] && [ -t 1 ] || die "a shell needs a terminal; for a script: boot.sh"

"$SCRIPTS/setup.sh" um
"$SCRIPTS/modules.sh" uml-smp
exec "$SCRIPTS/boot.sh" uml-smp --shell --cpus "${CPUS:-2}" --mem "${MEM:-1G}" \
	-- shell.sh
