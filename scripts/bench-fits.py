#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench-fits.py OUT LOGS - the policies of the page heap in tables.

LOGS/bench-fits.log is the console of a boot that ran scripts/guest/fits.sh,
LOGS/bench-fits-irqsoff-FIT.log that of one that ran irqsoff.sh, and
OUT/fits-trace-FIT/results.json has what replay.sh found, for each FIT.
"""

import json
import os
import re
import sys


def read(path, kind):
    """The lines of one kind, each a dictionary."""
    with open(path, errors="replace") as log:
        for line in log:
            found = re.search(r"fits: %s (.*)" % kind, line)
            if found:
                yield dict(word.split("=") for word in found[1].split())


def traces(out, fits):
    """What the trace needed with each fit."""
    for fit in fits:
        path = os.path.join(out, "fits-trace-" + fit, "results.json")
        with open(path) as file:
            n = json.load(file)["trace_memory"]
        yield {"fit": fit,
               "caches": "%.3f" % (n["goslab"]["peak_held"] /
                                   n["goslab"]["peak_objects"]),
               "malloc": "%.3f" % (n["goslab_malloc"]["peak_held"] /
                                   n["goslab_malloc"]["peak_objects"]),
               "end": "%.3f" % (n["goslab_malloc"]["end"]["held"] /
                                n["end_bytes"])}


def holds(logs, fits):
    """The longest stretch with interrupts off, by step; the kernel's in brackets."""
    for fit in fits:
        row = {"fit": fit}
        path = os.path.join(logs, "bench-fits-irqsoff-%s.log" % fit)
        with open(path, errors="replace") as log:
            for step, us, whose in re.findall(
                    r"longest stretch in (\w+): (\d+) us, of the (\w+)", log.read()):
                row[step] = us if whose == "goslab" else "(%s)" % us
        yield row


def blocks(days, huge):
    """What became of blocks of 2 MiB with each fit."""
    for week, night in zip(days, huge):
        yield {**night, "live_blocks": week["live_blocks"],
               "least_blocks": week["least_blocks"],
               "share": "%.2f" % (int(week["live_blocks"]) /
                                  int(week["least_blocks"]))}


def table(rows, columns):
    """Print the columns, each given as title, key and width, of all rows."""
    print("".join(title.rjust(width) for title, _, width in columns))
    for row in rows:
        print("".join(row[key].rjust(width) for _, key, width in columns))


def main():
    out, logs = sys.argv[1:]
    log = os.path.join(logs, "bench-fits.log")
    search = list(read(log, "search"))
    days = list(read(log, "days"))
    huge = list(read(log, "huge"))
    if not search or not days or not huge:
        sys.exit("bench-fits.py: no figures in %s" % log)
    fits = [row["fit"] for row in days]
    print("Instructions of an operation: the mean, and the longest of 2000")
    table(search, (("fit", "fit", 12), ("free runs", "runs", 12),
                   ("take", "take", 8), ("give", "give", 8),
                   ("longest take", "longest_take", 15),
                   ("longest give", "longest_give", 15)))
    print()
    print("A week of days and nights; held to live in thousandths")
    table(days, (("fit", "fit", 12), ("held", "held_per_mille", 8),
                 ("most held", "peak_pages", 12),
                 ("drawn", "drawn_pages", 12),
                 ("free runs at the end", "free_runs", 24)))
    print()
    print("Blocks of 2 MiB with a page in use at the end of the week, to the least that")
    print("could hold them; and, when nothing went back the night after, those all free")
    table(blocks(days, huge), (("fit", "fit", 12), ("in use", "live_blocks", 8),
                               ("least", "least_blocks", 7), ("share", "share", 7),
                               ("whole", "whole_blocks", 8),
                               ("of at most", "most_blocks", 12)))
    print()
    print("The recorded trace: held to the bytes of objects at the peak, through caches")
    print("and goslab_malloc(), and held to requested at the end")
    table(traces(out, fits), (("fit", "fit", 12), ("caches", "caches", 10),
                              ("malloc", "malloc", 10), ("end", "end", 10)))
    print()
    print("The longest stretch with interrupts off, in thousands of instructions, with")
    print("200,000 free runs and as many spans; where it is the kernel's: (in brackets)")
    steps = ("fill", "verify", "mheap", "stats", "shrink", "empty", "unload")
    table(holds(logs, fits), (("fit", "fit", 12),) +
          tuple((step, step, 9) for step in steps))


main()
