#!/usr/bin/env python3
"""ktap.py [--suites DIR] [--skips FILE RUN] LOG [KUNIT.PY]

Counts the test cases in the KTAP of a console log.

Prints JSON: passed, failed and skipped over all leaf cases, the same for each
suite, and in "problems" everything that makes the log a failure although no
case said so: a plan that was not kept, no plan at all, a kernel warning. Each
problem is counted as failed. Knows the KTAP of KUnit from 6.1 on, where the
outermost plan is missing. With the kernel's own kunit.py as second argument
that must read the same number of cases from it; without, reports of the
allocator must be those that lines "# report expected: KIND" announced, one by
one and in that order.

--suites: each suite of DIR (*_kunit.c) must have results. --skips: FILE has a
line for each skip that is expected, "RUN SUITE.CASE REASON", the first two with
the wildcards of a shell. For this RUN any other skip is a problem, and so is a
line that names RUN without a wildcard and that nothing was skipped for.
"""

import argparse
import fnmatch
import glob
import json
import os
import re
import subprocess
import sys

STAMP = re.compile(r'^(<\d+>)?\[\s*\d+\.\d+\](\[\s*[TC]\d+\])? ?')
RESULT = re.compile(r'^( *)(not )?ok (\d+)(?: -)? ?([^#]*?)\s*(#.*)?$')
PLAN = re.compile(r'^( *)1\.\.(\d+)\s*$')
VERSION = re.compile(r'^( *)(K?TAP) version \d+\s*$')
SUBTEST = re.compile(r'^( *)# Subtest: (\S+)')
WARNING = re.compile(
    r'WARNING: |BUG: (?!goslab: )|KASAN: |UBSAN: |KFENCE: |KCSAN: |Oops[: ]'
    r'|-+\[ cut here \]-+|possible (recursive|circular) locking'
    r'|inconsistent lock state|suspicious RCU usage|general protection fault'
    r'|INFO: trying to register non-static key|INFO: possible '
    r'|INFO: task .* blocked for more than|rcu: .*(detected|self-detected) stall'
    r'|rcu: .*kthread starved|soft lockup|hard LOCKUP|workqueue lockup'
    r'|sleeping function called from invalid context|scheduling while atomic'
    r'|refcount_t: |list_(add|del) corruption|Bad page state'
    r'|unreferenced object 0x|page allocation failure'
    # What goslab says when it goes and something stays.
    r'|goslab: promise broken|goslab: \d+ bytes lost|BUG: goslab: live objects at the end in the heap')
EXPECTED = re.compile(r'# report expected: (.*\S)')
REPORT = re.compile(r'BUG: goslab: (.*)')
USER_SPACE = 'Run /init as init process'


class Block:
    """One level of KTAP: a plan and its results, at one indentation."""

    def __init__(self, indent, name=''):
        self.indent = indent
        self.name = name
        self.plan = None
        self.results = 0
        self.bad = False


class Log:
    """What a console log says, fed line by line."""

    def __init__(self):
        self.stack = []
        self.suites = {}
        self.problems = []
        self.failures = []
        self.skips = []
        self.plans = 0

    def open(self, indent, name=''):
        """A version or subtest line: the block at this indentation begins."""
        while self.stack and self.stack[-1].indent > indent:
            self.close()
        top = self.stack[-1] if self.stack else None
        if top and top.indent == indent:
            if not top.results and not (top.name and name):
                top.name = top.name or name
                return
            self.close()
        self.stack.append(Block(indent, name))

    def close(self):
        """The innermost block is over; it must have kept its plan."""
        block = self.stack.pop()
        if block.plan is not None and block.results != block.plan:
            self.problems.append('%s: %d of %d planned results' % (
                block.name or 'KTAP', block.results, block.plan))
        return block

    def planned(self, indent, count):
        if not self.stack or self.stack[-1].indent != indent:
            self.open(indent)
        self.stack[-1].plan = count
        self.plans += 1

    def result(self, indent, bad, name, remark):
        """An "ok" line: a leaf, or the end of the block below it."""
        inner = None
        while self.stack and self.stack[-1].indent > indent:
            inner = self.close()
        if not self.stack or self.stack[-1].indent < indent:
            self.stack.append(Block(indent))
        block = self.stack[-1]
        block.results += 1
        block.bad |= bad
        if inner is None or not inner.results:
            self.leaf(bad, name, remark)
        elif bad and not inner.bad:
            self.problems.append('%s failed outside its cases' % name)

    def leaf(self, bad, name, remark):
        path = [b.name for b in self.stack if b.name]
        count = self.suites.setdefault(
            path[0] if path else '-', {'passed': 0, 'failed': 0, 'skipped': 0})
        if bad:
            count['failed'] += 1
            self.failures.append('.'.join(path + [name]))
        elif remark and re.match(r'#\s*skip', remark, re.I):
            count['skipped'] += 1
            self.skips.append('.'.join(path + [name]))
        else:
            count['passed'] += 1

    def feed(self, line):
        match = RESULT.match(line)
        if match:
            return self.result(len(match[1]), bool(match[2]), match[4], match[5])
        match = PLAN.match(line)
        if match:
            return self.planned(len(match[1]), int(match[2]))
        match = VERSION.match(line)
        if match:
            return self.open(len(match[1]))
        match = SUBTEST.match(line)
        if match:
            return self.open(len(match[1]), match[2])
        if WARNING.search(line):
            self.problems.append(line.strip()[:120])
        return None

    def cases(self):
        return sum(sum(suite.values()) for suite in self.suites.values())

    def finish(self):
        while self.stack:
            self.close()
        if not self.plans:
            self.problems.append('no KTAP plan in the log')
        self.problems = list(dict.fromkeys(self.problems))
        total = {key: sum(s[key] for s in self.suites.values())
                 for key in ('passed', 'failed', 'skipped')}
        total['failed'] += len(self.problems)
        return dict(total, suites=self.suites, failures=self.failures,
                    skips=self.skips, problems=self.problems)


def read(path):
    """The log's lines from the first process on, without time stamps."""
    with open(path, errors='replace') as file:
        lines = [line.rstrip('\r\n') for line in file]
    start = [i for i, line in enumerate(lines) if USER_SPACE in line]
    return [STAMP.sub('', line) for line in lines[start[0] if start else 0:]]


def second_opinion(log, lines, kunit_py):
    """Feeds the log to kunit.py; its count must be the same."""
    for line in lines:
        version = VERSION.match(line)
        if version and version[1]:      # 6.1: no outermost block
            done = sum(1 for l in lines if re.match(r'(not )?ok ', l))
            lines = ['KTAP version 1', '1..%d' % done] + lines
        if version:
            break
    said = subprocess.run([sys.executable, kunit_py, 'parse'], check=False,
                          input='\n'.join(lines) + '\n', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    count = re.search(r'Ran (\d+) tests: (.*)', said.stdout)
    if not count:
        log.problems.append('kunit.py parse: no result')
    elif int(count[1]) != log.cases() or 'errors' in count[2]:
        log.problems.append('kunit.py parse: %s, we count %d cases' % (
            count[0], log.cases()))


def check_reports(log, lines):
    """Each report was announced, and each announced one came."""
    kinds = []
    for line in lines:
        expected, report = EXPECTED.search(line), REPORT.search(line)
        if expected:
            kinds.append(expected[1])
        elif report and kinds and report[1].startswith(kinds[0] + ' in '):
            kinds.pop(0)
        elif report:
            log.problems.append('not expected: ' + line.strip()[:120])
    for kind in kinds:
        log.problems.append('expected and not reported: ' + kind)


def check_suites(log, directory):
    """Each suite that there is has run."""
    for path in sorted(glob.glob(os.path.join(directory, '*_kunit.c'))):
        name = 'goslab_' + os.path.basename(path)[:-len('_kunit.c')]
        if name not in log.suites:
            log.problems.append('no result of suite ' + name)


def check_skips(log, path, run):
    """Only what is expected was skipped, and all of it."""
    expected = []
    with open(path) as file:
        for line in file:
            words = line.split(None, 2)
            if words and not line.startswith('#') and \
                    fnmatch.fnmatch(run, words[0]):
                expected.append(words)
    for skip in log.skips:
        if not any(fnmatch.fnmatch(skip, words[1]) for words in expected):
            log.problems.append('not expected to be skipped: ' + skip)
    for words in expected:
        if words[0] == run and not fnmatch.filter(log.skips, words[1]):
            log.problems.append('expected to be skipped: %s (%s)' % (
                words[1], words[2].strip()))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.splitlines()[0])
    parser.add_argument('--suites', metavar='DIR')
    parser.add_argument('--skips', nargs=2, metavar=('FILE', 'RUN'))
    parser.add_argument('log')
    parser.add_argument('kunit_py', nargs='?')
    args = parser.parse_args()
    log = Log()
    lines = read(args.log)
    for line in lines:
        log.feed(line)
    if args.kunit_py:
        second_opinion(log, lines, args.kunit_py)
    else:
        check_reports(log, lines)
    if args.suites:
        check_suites(log, args.suites)
    if args.skips:
        check_skips(log, *args.skips)
    json.dump(log.finish(), sys.stdout, indent=1)
    print()


if __name__ == '__main__':
    main()
