#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-source.py CHECK... - what check.sh looks for in the sources.

One function a check, named in CHECKS at the end. Each gives the places that
are wrong as "file:line: why" and, below 'note: ', what is near its limit.
"""
import ast
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent

# The layers of goslab/, the lowest first; a file includes no higher one.
LAYERS = ('compat', 'base', 'back', 'middle', 'front', 'watch', 'api')
GENERATED = ('sizeclass_table.h', 'goslab_sizeclass.h')
FILE_MAX, FILE_LONG = 800, 500
FUNCTION_MAX, FUNCTION_LONG = 100, 60
LINE_MAX = 100
EXAMPLES = 'Documentation/examples'

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
SIGNATURE = re.compile(r'(\w+)\s*\((?:[^()]|\([^()]*\))*\)\s*$')
DATA = re.compile(r'^(?:DEFINE_\w+\((?:[^,()]+, )?|LIST_HEAD\()(\w+)\)', re.M)


def sources(*folders, suffixes=('.c', '.h')):
    """The files below folders, in order."""
    for folder in folders:
        for path in sorted((TOP / folder).rglob('*')):
            if path.suffix in suffixes and path.is_file() and \
                    not path.name.endswith('.mod.c'):
                yield path


def tools():
    """Programs to be installed, whose names have no suffix."""
    names = re.search(r'^TOOLS = (.*)', (TOP / 'Makefile').read_text(), re.M)
    return [TOP / 'scripts' / name for name in names[1].split()]


def blank(match):
    """A match as blanks, so that lines and columns stay."""
    return re.sub(r'[^\n]', ' ', match[0])


def code_of(path, strings=False):
    """A C file without comments, and without strings unless asked for."""
    text = COMMENT.sub(blank, path.read_text())
    return text if strings else STRING.sub('""', text)


def place(path, line, why):
    return '%s:%d: %s' % (path.relative_to(TOP), line, why)


def line_of(text, match):
    return text.count('\n', 0, match.start()) + 1


def c_functions(path):
    """(name, first line, last line, static) of a C file's functions."""
    lines = code_of(path).split('\n')
    for i, line in enumerate(lines):
        if line != '{':
            continue
        first = i
        while first and not re.match(r'\s*$|[#}]|.*;\s*$', lines[first - 1]):
            first -= 1
        head = '\n'.join(lines[first:i])
        name = SIGNATURE.search(head)
        last = next((j for j in range(i, len(lines)) if lines[j] == '}'), i)
        if name:
            yield (name[1], first + 1, last + 1,
                   bool(re.search(r'\bstatic\b', head)))


def other_functions(path):
    """The same for shell and Python, all of them static."""
    text = path.read_text()
    if path.suffix == '.py' or path in tools():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                yield node.name, node.lineno, node.end_lineno, True
        return
    for match in re.finditer(r'^(\w+)\(\) \{\n.*?^\}', text, re.M | re.S):
        first = line_of(text, match)
        yield match[1], first, first + match[0].count('\n'), True


def check_layers():
    """Includes point down; clients see the public header only."""
    for path in sources('goslab'):
        layer = path.relative_to(TOP / 'goslab').parts[0]
        rank = LAYERS.index(layer) if layer in LAYERS else -1
        text = code_of(path, strings=True)
        for match in re.finditer(r'^#include "(\w+)/', text, re.M):
            other = match[1]
            if other not in LAYERS or LAYERS.index(other) > rank:
                yield place(path, line_of(text, match),
                            '%s/ includes %s/' % (layer, other))
    for path in sources('kunit/replay', 'kunit/stress', 'kunit/contexts', EXAMPLES):
        text = code_of(path, strings=True)
        for match in re.finditer(r'^#include "(\w+)/', text, re.M):
            if match[1] in LAYERS and match[1] != 'compat':
                yield place(path, line_of(text, match),
                            'a client includes %s/' % match[1])


def check_sizes():
    """No file and no function too long to read."""
    for path in [*sources('goslab', 'kunit', 'scripts', EXAMPLES,
                          suffixes=('.c', '.h', '.sh', '.py', '.js', '.css')),
                 *tools()]:
        if path.name in GENERATED:
            continue
        for i, line in enumerate(path.read_text().split('\n'), 1):
            if len(line.expandtabs(8)) > LINE_MAX:
                yield 'note: ' + place(path, i, 'over 100 columns')
        n = path.read_text().count('\n')
        if n > FILE_LONG:
            note = '' if n > FILE_MAX else 'note: '
            yield note + place(path, 1, '%d lines' % n)
        functions = c_functions if path.suffix in ('.c', '.h') \
            else other_functions
        for name, first, last, _ in functions(path):
            n = last - first + 1
            if n > FUNCTION_LONG:
                note = '' if n > FUNCTION_MAX else 'note: '
                yield note + place(path, first,
                                   '%s has %d lines' % (name, n))


def check_versions():
    """Only compat/ may know that there are several kernels."""
    for path in sources('goslab', 'kunit', EXAMPLES):
        if path.parent == TOP / 'goslab' / 'compat':
            continue
        text = code_of(path, strings=True)
        for match in re.finditer(r'\bLINUX_VERSION_\w+|\bKERNEL_VERSION\b|'
                                 r'<linux/version\.h>', text):
            yield place(path, line_of(text, match), match[0] +
                        ' outside goslab/compat/')


def check_names():
    """Prefixes of what other files and other modules can see; no BUG()."""
    for path in sources('goslab', suffixes=('.c',)):
        text = code_of(path)
        for match in re.finditer(r'^EXPORT_SYMBOL\w*\((\w+)', text, re.M):
            if not re.match(r'(__)?goslab_', match[1]):
                yield place(path, line_of(text, match),
                            'export of %s, not goslab_*' % match[1])
        for name, first, _, static in c_functions(path):
            if not static and not re.match(r'gs_|(__)?goslab_', name):
                yield place(path, first, '%s is not static, not gs_*' % name)
        for match in DATA.finditer(text):
            if not re.match(r'gs_', match[1]):
                yield place(path, line_of(text, match),
                            '%s is not static, not gs_*' % match[1])
    for path in sources('goslab', 'kunit', EXAMPLES):
        text = code_of(path)
        for match in re.finditer(r'(?<!\w)BUG(_ON)?\(', text):
            yield place(path, line_of(text, match), match[0] + ') is not used')


def check_tests():
    """Each source says at its top which tests it has, and they are there."""
    for path in sources('goslab', suffixes=('.c',)):
        text = path.read_text()
        top = re.search(r'/\*.*?\*/', text, re.S)
        tests = re.search(r'Tests?:(.*)\*/', top[0] if top else '', re.S)
        names = re.findall(r'(?:kunit|scripts)/[\w/.-]*\w',
                           tests[1] if tests else '')
        if not names:
            yield place(path, 2, 'the top comment names no test')
        for name in names:
            if not (TOP / name).is_file():
                line = text.count('\n', 0, text.index(name)) + 1
                yield place(path, line, 'no file ' + name)


CHECKS = {
    'layers': check_layers,
    'sizes': check_sizes,
    'versions': check_versions,
    'names': check_names,
    'tests': check_tests,
}


def main():
    bad = False
    for name in sys.argv[1:]:
        for said in CHECKS[name]():
            print(said)
            bad |= not said.startswith('note: ')
    sys.exit(bad)


if __name__ == '__main__':
    main()
