#!/bin/bash
# clean-cache.sh - removes the kernels, sources and package lists that were fetched
# and built. The next run gets them anew.

. "$(dirname "$0")/lib.sh"

if [ ! -d "$CACHE" ]; then
	say "there is no $CACHE"
	exit 0
fi
say "removing $CACHE: $(du -sh "$CACHE" | cut -f1)"
rm -rf "$CACHE"
