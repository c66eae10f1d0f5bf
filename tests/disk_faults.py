"""Disks that fail: folders that are read-only even for the superuser, files that can't be written."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager, nullcontext


@contextmanager
def no_superuser():
    """Takes from this thread the right to pass over permissions, which the superuser of Linux has."""
    if os.geteuid() != 0:
        with nullcontext():
            yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the interface, this thread
    kept, less = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, kept) == 0
    less[:] = kept[:]
    less[0] &= ~0b1110  # effective: DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER
    assert libc.capset(header, less) == 0
    try:
        yield
    finally:
        assert libc.capset(header, kept) == 0


@contextmanager
def read_only(*folders):
    modes = {folder: folder.stat().st_mode for folder in folders}
    for folder in folders:
        folder.chmod(0o555)
    try:
        with no_superuser():
            yield
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)


class Disk:
    """Fails when a file of some name is written: at once, in the middle, when flushed, or when put in its place."""

    def __init__(self, patch, name, call, code=errno.ENOSPC):
        self.name, self.code, self.full, self.hits, self.ours = name, code, True, 0, set()
        real_open = os.open

        def opening(path, flags, *rest, **more):
            writing = flags & (os.O_WRONLY | os.O_RDWR) and str(path).endswith((name, f"{name}.part"))
            if writing and call == "open":
                self.fail()
            descriptor = real_open(path, flags, *rest, **more)
            self.ours.discard(descriptor)  # numbers are used again
            if writing:
                self.ours.add(descriptor)
            return descriptor

        patch.setattr(os, "open", opening)
        if call != "open":
            patch.setattr(os, call, getattr(self, call)(getattr(os, call)))

    def fail(self):
        if self.full:
            self.hits += 1
            raise OSError(self.code, os.strerror(self.code))

    def fsync(self, real):
        def fsync(descriptor):
            if descriptor in self.ours:
                self.fail()
            return real(descriptor)

        return fsync

    def pwrite(self, real):
        def pwrite(descriptor, data, offset):
            if descriptor in self.ours and self.full:
                real(descriptor, data[: len(data) // 2], offset)
                self.fail()
            return real(descriptor, data, offset)

        return pwrite

    def fdopen(self, real):
        def fdopen(descriptor, mode="r", **more):
            file = real(descriptor, mode, **more)
            return HalfFile(file, self) if "w" in mode and descriptor in self.ours and self.full else file

        return fdopen

    def replace(self, real):
        def replace(source, target, **more):
            if str(target).endswith(self.name):
                self.fail()
            return real(source, target, **more)

        return replace


class HalfFile:
    """Takes half of what is written to it."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.disk.fail()
