#!/bin/bash
# run.sh - what "make run" does: the trace replayed on the UP kernel.

. "$(dirname "$0")/lib.sh"

"$SCRIPTS/setup.sh" um
for bed in uml-up uml-smp; do
	"$SCRIPTS/modules.sh" "$bed"
done
exec "$SCRIPTS/boot.sh" uml-up --mem "${MEM:-1G}" -- replay.sh
