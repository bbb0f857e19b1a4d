#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench-fits.py LOG - the figures of goslab_fits.ko in two tables.

LOG is the console of a boot that ran scripts/guest/fits.sh.
"""

import re
import sys


def read(path, kind):
    """The lines of one kind, each a dictionary."""
    with open(path, errors="replace") as log:
        for line in log:
            found = re.search(r"fits: %s (.*)" % kind, line)
            if found:
                yield dict(word.split("=") for word in found[1].split())


def table(rows, columns):
    """Print the columns, each given as title, key and width, of all rows."""
    print("".join(title.rjust(width) for title, _, width in columns))
    for row in rows:
        print("".join(row[key].rjust(width) for _, key, width in columns))


def main():
    search = list(read(sys.argv[1], "search"))
    days = list(read(sys.argv[1], "days"))
    if not search or not days:
        sys.exit("bench-fits.py: no figures in %s" % sys.argv[1])
    print("Instructions of an operation: the mean, and the longest of 2000")
    table(search, (("fit", "fit", 8), ("free runs", "runs", 12),
                   ("take", "take", 8), ("give", "give", 8),
                   ("longest take", "longest_take", 15),
                   ("longest give", "longest_give", 15)))
    print()
    print("A week of days and nights; held to live in thousandths")
    table(days, (("fit", "fit", 8), ("held", "held_per_mille", 8),
                 ("most held", "peak_pages", 12),
                 ("drawn", "drawn_pages", 12),
                 ("free runs at the end", "free_runs", 24)))


main()
