"""trace-bounds.py - the bounds for the recorded trace, the same in run and bench.

A module of report-run.py and bench-limits.py. A figure that is equal to its
bound keeps it.
"""

# Time for an event, to that of SLUB in the same way.
TIME = {'goslab': 0.85, 'goslab_malloc': 0.75}
# Peak of held memory, to the peak of requested memory.
HELD = {'goslab': 1.18, 'goslab_malloc': 1.20}
# The same through malloc, to what kmalloc holds at its peak.
HELD_TO_KMALLOC = 0.96


def idle(live):
    """Bytes that may be held ten seconds later, with @live bytes in use."""
    return int(1.1 * live) + (1 << 20)
