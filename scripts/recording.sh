#!/bin/bash
# recording.sh [BED] - a recording of goslab-record from a kernel with load and with
# a client that leaks (scripts/guest/record.sh): build/recording.jsonl.gz. The one
# in scripts/fixtures/report is made by it.
#
# The bed is qemu-6.1 unless named: a stock kernel, which can walk its stacks.

. "$(dirname "$0")/lib.sh"

# python_root DIR - a root directory with Debian's Python, the recorder, and of the
# library what the recorder imports.
python_root() {
	local file
	{
		echo /usr/bin/python3
		ldd /usr/bin/python3 | grep -o '/[^ ]*'
		/usr/bin/python3 -IB - "$SCRIPTS/goslab-record" <<-'END'
		import argparse, encodings.utf_8, gettext, locale, os, pathlib, runpy, shutil, sys
		runpy.run_path(sys.argv[1])
		for module in list(sys.modules.values()):
		    if os.path.isfile(getattr(module, '__file__', None) or ''):
		        print(module.__file__)
		END
	} | while read -r file; do
		install -D "$file" "$1$file"
	done
	cp "$SCRIPTS/goslab-record" "$1/"
}

main() {
	local bed=${1:-qemu-6.1}

	"$SCRIPTS/setup.sh" qemu
	lock_build
	"$SCRIPTS/modules.sh" "$bed"
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	python_root "$WORK/python"
	"$SCRIPTS/boot.sh" "$bed" --cpus 2 --mem 1G --add "$WORK/python" --out "$WORK/out" \
		--quiet --timeout 200 -- record.sh
	mv "$WORK/out/recording.jsonl.gz" "$BUILD/"
	say "the recording is $BUILD/recording.jsonl.gz"
}

main "$@"
