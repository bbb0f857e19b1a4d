#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""qemu-dump.py MONITOR CONSOLE FILE ADDRESS SIZE - a dump of a guest's memory.

For boot.sh --dump. QEMU writes the memory to FILE, as ELF. Two things are added that
kdump writes and QEMU does not, because Debian's kernels do not have the driver built
in that would tell it: the kernel's note VMCOREINFO, which is at ADDRESS in the guest,
and where the kernel's image is mapped. Tools need both to read page tables. Last the
guest gets the line on CONSOLE that it waits for.
"""
import os
import re
import socket
import struct
import sys

PT_LOAD, PT_NOTE = 1, 4
START_KERNEL_MAP = 0xffffffff80000000
# type, flags, offset, virtual and physical address, bytes in file and memory, align
PHDR = struct.Struct('<IIQQQQQQ')


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def prompt(monitor):
    """Waits until QEMU has done what it was told; returns what it said."""
    said = b''
    while not said.endswith(b'(qemu) '):
        part = monitor.recv(65536)
        if not part:
            sys.exit('qemu-dump.py: QEMU ended')
        said += part
    return said.decode()


def write_memory(monitor, path):
    monitor.sendall(b'dump-guest-memory %s\n' % path.encode())
    said = prompt(monitor)
    if 'Error' in said or not os.path.exists(path):
        sys.exit('qemu-dump.py: no dump: ' + said)


def note_in(f, headers, address, size):
    """The note in guest memory, without what follows it."""
    for kind, _, offset, _, physical, length, _, _ in headers:
        if kind == PT_LOAD and physical <= address < physical + length:
            f.seek(offset + address - physical)
            note = f.read(size)
            names, described, _ = struct.unpack_from('<III', note)
            return note[:12 + -(-names // 4) * 4 + -(-described // 4) * 4]
    sys.exit('qemu-dump.py: VMCOREINFO is not in the dump')


def image(f, headers, note):
    """A header for the kernel's image on x86-64: its page tables are in it."""
    text = note.decode('latin-1')
    base = int(re.search(r'^NUMBER\(phys_base\)=(-?\d+)$', text, re.M)[1])
    start = int(re.search(r'^SYMBOL\(_stext\)=(\w+)$', text, re.M)[1], 16)
    length = int(re.search(r'^NUMBER\(KERNEL_IMAGE_SIZE\)=(\d+)$', text, re.M)[1])
    # Behind the room of the image begins that of modules, which is mapped otherwise.
    length -= start - START_KERNEL_MAP
    physical = start - START_KERNEL_MAP + base
    for kind, flags, offset, _, first, there, _, align in headers:
        if kind == PT_LOAD and first <= physical < first + there:
            length = min(length, first + there - physical)
            return (PT_LOAD, flags, offset + physical - first, start, physical,
                    length, length, align)
    sys.exit('qemu-dump.py: the kernel is not in the dump')


def complete(path, address, size):
    """All notes go to the end of the file, which makes room for another header."""
    with open(path, 'r+b') as f:
        head = f.read(64)
        start, = struct.unpack_from('<Q', head, 32)
        number, = struct.unpack_from('<H', head, 56)
        f.seek(start)
        headers = [PHDR.unpack(f.read(PHDR.size)) for _ in range(number)]
        i = next(i for i, header in enumerate(headers) if header[0] == PT_NOTE)
        note = note_in(f, headers, address, size)
        f.seek(headers[i][2])
        notes = f.read(headers[i][5]) + note
        f.seek(0, os.SEEK_END)
        offset = -(-f.tell() // 4) * 4
        f.seek(offset)
        f.write(notes)
        headers[i] = (PT_NOTE, 0, offset, 0, 0, len(notes), len(notes), 4)
        headers.append(image(f, headers, note))
        f.seek(start)
        for header in headers:
            f.write(PHDR.pack(*header))
        f.seek(56)
        f.write(struct.pack('<H', len(headers)))


def main():
    monitor, console, path, address, size = sys.argv[1:]
    monitor, console = connect(monitor), connect(console)
    prompt(monitor)
    # Under another name until it is whole.
    write_memory(monitor, path + '.part')
    complete(path + '.part', int(address, 16), int(size, 16))
    os.rename(path + '.part', path)
    console.sendall(b'\n')


main()
