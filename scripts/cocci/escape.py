# SPDX-License-Identifier: GPL-2.0
"""What stack_candidate.cocci found, and the verdict on it.

Coccinelle says how each use of a pointer looks. Whether the object may leave
its function then depends on two things that it does not know: what the called
functions do with their arguments (KEEPS_NOT), and which fields are arrays, whose
name is an address. The compiler tells that, and sizes.

From the environment, which scripts/escape.sh sets:

  GOSLAB_ESCAPE_TEXT   what to take off names of files: copies without __free()
  GOSLAB_ESCAPE_CC     compiler and options for the file (default: gcc)
  GOSLAB_ESCAPE_BOUND  largest object for the stack, in bytes (256)
  GOSLAB_ESCAPE_KNOWN  a regular expression: more functions that keep nothing
  GOSLAB_ESCAPE_WHY    1: say on stderr why an allocation is not reported

Tests: scripts/test-escape.sh
"""

import os
import re
import shlex
import subprocess
import sys

BOUND = int(os.environ.get('GOSLAB_ESCAPE_BOUND') or 256)
TEXT = os.environ.get('GOSLAB_ESCAPE_TEXT') or ''
WHY = os.environ.get('GOSLAB_ESCAPE_WHY') == '1'

# The same names as in stack_candidate.cocci.
ALLOCATES = (r'(?:(?:k|kv|goslab_|goslab_kv)(?:[mz]alloc(?:_noscan|_node|_objs?|_array)?|calloc)'
             r'|(?:kmem|goslab)_cache_z?alloc)')
FREES = r'(?:(?:k|kv|goslab_|goslab_kv)free(?:_sensitive)?|(?:kmem|goslab)_cache_free)'

# Functions that use what an argument points to until they return, no longer,
# and by the CPU alone. None of them is one that a device may read from or write
# to. Macros that hide their arguments are not here.
KEEPS_NOT = re.compile(r'^(%s)$' % '|'.join(filter(None, [
    r'mem(cpy|move|set|cmp|chr_inv|zero_explicit|cpy_(to|from)io|set(16|32|64|_io)|'
    r'cpy_and_pad|eq|cpy_toio_32)',
    r'str(len|nlen|cmp|ncmp|casecmp|ncasecmp|cpy|ncpy|scpy|scpy_pad|lcpy|cat|'
    r'ncat|lcat|tomem|tomem_pad|starts)|sysfs_streq|kbasename_len|match_string',
    r'v?s?c?n?printf|v?(s|sn|scn)printf|sscanf|sysfs_emit(_at)?|hex2bin|bin2hex',
    r'kstrto\w+|simple_strto\w+',
    r'_?printk(_ratelimited|_once)?|pr_(\w+)|(dev|netdev|net|wiphy|hid|drm|xe)_(err|warn|'
    r'notice|info|dbg|crit|alert|emerg|vdbg)(_once|_ratelimited)?|seq_(printf|puts|write)',
    r'print_hex_dump(_bytes|_debug)?|dump_stack|trace_printk',
    r'_?_?copy_(from|to)_user|copy_(from|to)_sockptr(_offset)?|copy_struct_from_user|'
    r'(get|put)_user|clear_user|copy_(from|to)_iter(_full)?|'
    r'simple_(read_from|write_to)_buffer|strn(cpy|len)_(from|_)user',
    r'(get|put)_unaligned\w*|(le|be)(16|32|64)_(to_cpup|add_cpu)',
    r'skb_(copy_bits|put_data|store_bits)|nla_(put|memcpy|strscpy)|nlmsg_populated',
    r'(set|clear|test|change|__set|__clear|test_and_set|test_and_clear)_bit|'
    r'bitmap_\w+|find_(first|next|last)(_zero)?_bit|hweight_long',
    r'(device|fwnode|of)_property_read_\w+|sg_(pcopy|copy)_(from|to)_buffer|'
    r'access_(process|remote)_vm|add_uevent_var|mgmt_cmd_complete|hci_drv_cmd_complete|'
    r'nvmet_copy_(from|to)_sgl|squashfs_read_metadata|security_context_str_to_sid|'
    r'crypto_shash_(digest|tfm_digest)',
    r'crc(8|16|32|32c|_ccitt|_itu_t|32_le|32_be)|jhash2?|xxh(32|64)|siphash',
    r'get_random_bytes(_wait)?|prandom_bytes|(guid|uuid|ether_addr|hci|bdaddr)_?(copy|equal|bacpy)|'
    r'eth_(zero|random|broadcast)_addr|is_(zero|valid|multicast|broadcast)_ether_addr|'
    r'(cpu|le|be)(16|32|64)?_to_\w+|swab(16|32|64)?s?|sort|bsearch|ALIGN|round_(up|down)|'
    r'parse_(int|byte)\w*|get_options?|memparse|strim|'
    r'WARN(_ON)?(_ONCE)?|BUG_ON|(un)?likely|IS_ERR(_OR_NULL)?|ZERO_OR_NULL_PTR|'
    r'ARRAY_SIZE|sizeof|typeof|(k|goslab_)?size|ksize|array_size|'
    r'offsetof|sizeof_field|struct_size|min(_t)?|max(_t)?|clamp(_t|_val)?',
    # The arguments of an allocation are sizes and types.
    ALLOCATES,
    os.environ.get('GOSLAB_ESCAPE_KNOWN')])))

SCALAR = {1, 2, 3, 4, 5, 6, 8}


class Alloc:
    """One allocation and all uses of its pointer in its function."""

    def __init__(self, pointee, name, function):
        self.pointee = pointee
        self.name = name
        self.function = function
        self.sizes = []
        self.count = None
        self.leaks = False


class Uses:
    """The uses of a pointer of one name in one function."""

    def __init__(self):
        self.all = set()
        self.local = set()
        self.freed = set()
        self.reached = set()
        self.address = set()
        self.passed = {}


def original(path):
    """The file that path is, or is a copy of."""
    return path[len(TEXT):] if TEXT and path.startswith(TEXT) else path


def place(pos):
    return int(pos.line), int(pos.column)


class Facts:
    """Of one file after the other: a process may see several."""

    def __init__(self):
        self.allocs = {}
        self.uses = {}
        self.texts = {}

    def alloc(self, pos, pointee, name, function):
        self.allocs[pos.file, place(pos)] = Alloc(pointee, name, function)
        # The left side of an assignment is no use of the object.
        self.local(pos, name)

    def of(self, pos, name):
        return self.uses.setdefault((pos.file, pos.current_element, name), Uses())

    def size(self, pos, text):
        self.allocs[pos.file, place(pos)].sizes[:1] = [text]

    def count(self, pos, text):
        self.allocs[pos.file, place(pos)].sizes[1:] = [text]
        self.allocs[pos.file, place(pos)].count = text

    def use(self, pos, name):
        self.of(pos, name).all.add(place(pos))

    def local(self, pos, name):
        self.of(pos, name).local.add(place(pos))

    def freed(self, pos, name):
        self.of(pos, name).freed.add(place(pos))

    def reached(self, pos, name):
        self.of(pos, name).reached.add(place(pos))

    def address(self, pos, name):
        self.of(pos, name).address.add(place(pos))

    def passed(self, pos, name, function):
        self.of(pos, name).passed.setdefault(place(pos), set()).add(function)

    def leaked(self, pos):
        self.allocs[pos.file, place(pos)].leaks = True

    def text(self, path):
        if path not in self.texts:
            with open(original(path), errors='replace') as file:
                self.texts[path] = file.read().split('\n')
        return self.texts[path]

    def verdict(self, pos):
        """The message about this allocation, or None."""
        alloc = self.allocs[pos.file, place(pos)]
        uses = self.of(pos, alloc.name)
        why = self.escape(pos, alloc, uses)
        if isinstance(why, int):
            return ('WARNING opportunity for the stack: %s (%d bytes) never leaves '
                    '%s()' % (alloc.name, why, pos.current_element))
        if WHY:
            sys.stderr.write('%s:%s: not reported: %s\n' % (
                original(pos.file), pos.line, why))
        return None

    def escape(self, pos, alloc, uses):
        """Why the object must stay on the heap, or its size."""
        paths = {}
        scoped = self.scoped(pos, alloc.name)
        if not uses.freed and not scoped:
            return 'it is not freed here'
        for use in sorted(uses.all):
            unknown = {f for f in uses.passed.get(use, ()) if not KEEPS_NOT.match(f)}
            if use in uses.local or use in uses.freed:
                continue
            if use in uses.passed and not unknown:
                continue
            if use not in uses.reached or use in uses.address:
                return 'line %d: %s' % (use[0], ', '.join(unknown) or 'escapes')
            paths.setdefault(self.path(pos.file, use, alloc.name), use)
        if alloc.leaks and not scoped:
            return 'a path does not free it'
        answers = probe(pos.file, alloc, list(paths))
        if answers is None:
            return 'the compiler gives no size'
        size, scalars = answers
        for path, use in paths.items():
            if path not in scalars:
                return 'line %d: %s is no scalar' % (use[0], path)
        if size > BOUND:
            return '%d bytes' % size
        return size

    def scoped(self, pos, name):
        """Whether the declaration says __free(); it may be above the allocation."""
        lines = self.text(pos.file)
        for line in reversed(lines[max(0, int(pos.line) - 60):int(pos.line)]):
            if re.search(r'\b%s\s+__free\((k|kv|goslab_|goslab_kv)free(_sensitive)?\)'
                         % re.escape(name), line):
                return True
            if line.startswith('}'):
                break
        return False

    def path(self, file, use, name):
        """What is reached, as C: name->field.field[0]; '*name' for the whole."""
        rest = '\n'.join(self.text(file)[use[0] - 1:use[0] + 5])[use[1] + len(name):]
        found, arrows = name, 0
        while True:
            rest = rest.lstrip()
            step = re.match(r'(->|\.)\s*(\w+)', rest)
            if rest.startswith('['):
                end = closing(rest)
                if not end:
                    break
                found += '[0]'
                rest = rest[end:]
            elif step and (step[1] == '.' or found == name):
                found += step[1] + step[2]
                rest = rest[step.end():]
            else:
                break
        return found if found != name else '*' + name


def closing(text):
    """Where the bracket that text begins with is closed, or 0."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char == '[') - (char == ']')
        if not depth:
            return i + 1
    return 0


def probe(file, alloc, paths):
    """(size, those of the paths that are scalars), or None if there is no size.

    The file is compiled up to its syntax, with a function at its end that gives a
    number to a pointer to an array: the message about it tells the array's length.
    """
    if alloc.function.endswith(('cache_alloc', 'cache_zalloc')) and not re.match(
            'struct |union ', alloc.pointee):
        return None
    if alloc.function.endswith(('_obj', 'cache_alloc', 'cache_zalloc')):
        size = 'sizeof(*%s)' % alloc.name
    elif alloc.function.endswith('_objs'):
        size = 'sizeof(*%s) * (%s)' % (alloc.name, alloc.count)
    elif alloc.function.endswith(('_array', 'calloc')):
        size = ' * '.join('(%s)' % s for s in alloc.sizes)
    else:
        size = alloc.sizes[0] if alloc.sizes else '0'
    lines = ['static void gs_probe(%s *%s) {' % (alloc.pointee, alloc.name),
             'char (*gs_size)[%s] = 1;' % size]
    for path in paths:
        lines.append('char (*gs_%d)[__builtin_types_compatible_p(typeof(%s), '
                     'typeof((0, %s))) ? __builtin_classify_type(%s) + 1 : 1] = 1;'
                     % (len(lines), path, path, path))
    text = '#include "%s"\n#line 1 "gs_probe"\n%s }\n' % (
        os.path.abspath(original(file)), '\n'.join(lines))
    said = subprocess.run(
        shlex.split(os.environ.get('GOSLAB_ESCAPE_CC') or 'gcc') +
        ['-I', os.path.dirname(os.path.abspath(original(file))), '-fsyntax-only',
         '-fmax-errors=0', '-Wno-all', '-Wint-conversion', '-x', 'c', '-'],
        input=text, text=True, stderr=subprocess.PIPE, env=dict(os.environ, LC_ALL='C')).stderr
    numbers = {int(line): int(number) for line, number in re.findall(
        r"^gs_probe:(\d+):.* of .char \(\*\)\[(\d+)\]. from .int.", said, re.M)}
    fields = {int(line) for line in re.findall(
        r"^gs_probe:(\d+):.*(?:bit-field)", said, re.M)}
    if 2 not in numbers:
        return None
    return numbers[2], {path for line, path in enumerate(paths, 3)
                        if numbers.get(line, 1) - 1 in SCALAR or line in fields}



class Objects:
    """For stack_escape.cocci: what is on the stack, and where its address goes."""

    def __init__(self):
        self.kinds = {}
        self.gone = set()
        self.told = set()

    def note(self, pos, name, kind):
        self.kinds.setdefault((pos.file, pos.current_element, name), set()).add(kind)

    def variable(self, pos, name):
        self.note(pos, name, 'variable')

    def array(self, pos, name):
        self.note(pos, name, 'array')

    def lasting(self, pos, name):
        self.note(pos, name, 'lasting')

    def on_stack(self, pos, value):
        """Whether the value is the address of something on this function's stack."""
        part = re.match(r'& ?(\w+)( ?\.[^>]*)?$', value)
        item = re.match(r'& ?(\w+) ?\[[^>]*$|(\w+)( ?[+-] .*)?$', value)
        if part:
            name, kinds = part[1], {'variable', 'array'}
        elif item:
            name, kinds = item[1] or item[2], {'array'}
        else:
            return False
        found = self.kinds.get((pos.file, pos.current_element, name), set())
        return bool(found & kinds) and 'lasting' not in found

    def returned(self, value):
        return 'ERROR: %s is on the stack and returned' % value.replace(' ', '')

    def undone(self, pos):
        self.gone.add((pos.file, place(pos)))

    def stays(self, pos, value):
        """Whether the store is there when the function ends; says so once."""
        key = pos.file, place(pos)
        if key in self.gone or key in self.told or not self.on_stack(pos, value) or \
                declared_by_macro(pos):
            return False
        self.told.add(key)
        return True

    def stored(self, pos, value):
        return ('ERROR: %s is on the stack, and the address stays in memory after %s()'
                % (value.replace(' ', ''), pos.current_element))


def declared_by_macro(pos):
    """Whether the variable at that place is one of the function, by a macro's work.

    Coccinelle does not know what DEFINE_WAIT(wait) declares. Such a line is among the
    declarations, before the first blank line of the function.
    """
    line, column = place(pos)
    with open(original(pos.file), errors='replace') as file:
        lines = file.read().split('\n')[:line]
    # The place may be that of a member.
    name = re.search(r'(\w+)(\s*(->|\.)\s*\w*)?$', re.match(
        r'.{%d}\w*' % column, lines[-1])[0])[1]
    start = max((i for i, text in enumerate(lines) if text.startswith('{')), default=0)
    for text in lines[start + 1:]:
        if not text.strip():
            return False
        if re.match(r'\s+[A-Z][A-Z0-9_]*\(%s\s*[,)]' % name, text):
            return True
    return False


ALLOCATION = re.compile(r'\b(\w+)(?:\s+__free\(\w+\))?\s*=\s*(?:\([\w\s]+\*\))?\s*%s\(' % ALLOCATES)


def may_be_local(text, name):
    """Whether a function with that text frees name, and no plain escape is seen."""
    if not re.search(r'\b%s\((?:[^;]*\W)?%s\)|\b%s\s+__free\(' % (FREES, name, name), text):
        return False
    if re.search(r'(=|return)\s*%s\s*[;,]' % name, text):
        return False
    for found in re.finditer(r'[(,]\s*%s\s*[,)]|([(,=?:]|return)\s*&\s*%s\s*(->|\[)'
                             % (name, name), text):
        call = caller(text, found.start())
        if not call and not found[1]:
            continue
        if not KEEPS_NOT.match(call) and not re.match('(%s)$' % FREES, call):
            return False
    return True


def caller(text, at):
    """The function whose arguments are at that place, or ''."""
    depth = 1
    while at >= 0:
        depth += (text[at] == ')') - (text[at] == '(')
        if not depth or (text[at] in ';{' and depth == 1):
            break
        at -= 1
    name = re.search(r'(\w+)\s*$', text[:max(at, 0)])
    return name[1] if name and name[1] not in ('if', 'while', 'return', '__free') else ''


def has_candidate(text):
    for found in ALLOCATION.finditer(text):
        start = text.rfind('\n}', 0, found.start()) + 1
        end = text.find('\n}', found.end())
        if may_be_local(text[start:end], found[1]):
            return True
    return False


# A return or a store of what may be an address: the place, a name with & or without.
STORE = re.compile(r'(?:\breturn\s|(?:\b(\w+)\s*(->|\.)\s*|^\s*\*?)(\w+)\s*=(?!=))\s*'
                   r'(?:&\s*(\w+)|(\w+))\b(?!\s*(?:\(|->))', re.M)


def declares(text, name, kind=''):
    """Whether the text has a line that may declare the name, if wanted as an array."""
    return re.search(r'^(?!\s*(?:static|return|goto|extern)\b)[ \t]+(?:\w+[\s*]+)+'
                     r'(?:[^;()]*,[\s*]*)?%s\s*%s' % (name, kind or r'[;,=\[]'), text, re.M)


def has_store(text):
    """Whether a function stores or returns what looks like an address of its stack."""
    start = 0
    while True:
        end = text.find('\n}', start)
        if end < 0:
            return False
        body = text[start:end]
        for found in STORE.finditer(body):
            whole, arrow, target, addressed, plain = found.groups()
            place = whole or target
            if not declares(body, addressed or plain, '' if addressed else r'\['):
                continue
            # Into an object of this function, or of the module; not into a variable.
            if not place or not re.search(r'[\s*,(]%s\s*[;,=)\[]' % place,
                                          body[:found.start()]) or (
                    arrow == '->' and re.search(
                        r'\b%s\b[^;]*=[^;]*alloc\w*\(' % place, body)):
                return True
        start = end + 2


LOOKS = {'stack_candidate': has_candidate, 'stack_escape': has_store}


def worth_reading(rule, path):
    """Whether the file may have something for the rule, as far as its text tells.

    Reading a file takes Coccinelle a second; this leaves out most.
    """
    with open(path, errors='replace') as file:
        return LOOKS[rule](file.read())


if __name__ == '__main__':
    for each in sys.stdin:
        if worth_reading(sys.argv[1], each.rstrip('\n')):
            sys.stdout.write(each)
