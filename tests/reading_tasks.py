"""What the tests ask reading processes to do: it must stand in a module that such a process can import."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

import numpy as np

from medsyngen.formats.allowance import allow
from medsyngen.formats.locator import read_image
from medsyngen.formats.refusal import ScanRefused

HELD = []


def echo(value):
    return value


def array(size):
    return np.arange(size, dtype=np.float32)


def refuse(reason):
    raise ScanRefused(reason, "a word")


def modules(_):
    return sorted(sys.modules)


def process(_):
    return os.getpid()


def behave(how):
    """Does what files do to readers."""
    return {
        "abort": os.abort,
        "segfault": lambda: ctypes.string_at(0),
        "loop": _loop,
        "sleep": lambda: time.sleep(99),
    }.get(how, lambda: _memory(how) if isinstance(how, int) else how)()


def big(image_and_file):
    """Takes as much memory as an image may, after having asked."""
    image, file = image_and_file
    allow(image, file)
    return _memory(600 << 20)


def keep(size):
    """Keeps memory, as a decoder that leaks does."""
    HELD.append(np.ones(size, np.uint8))
    return len(HELD)


def poison(how):
    """Harms the process, so that the next file ends it."""
    if how == "poison":
        HELD.append(how)
    elif HELD:
        os.abort()
    return how


def unknown(_):
    return object()


def _loop():
    while True:
        pass


def _memory(size):
    return int(np.ones(size, np.uint8)[-1])


def _resident(key: str) -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(key))


def attack(address: str) -> tuple[str, float, float]:
    """In the reading process: reason, processor seconds, MiB over what was resident before."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest resident memory begins anew (proc(5))
    before, start = _resident("VmRSS"), time.process_time()
    try:
        read_image(address)
        reason = "read"
    except ScanRefused as refused:
        reason = refused.reason
    except MemoryError:
        reason = "too-large"
    return reason, time.process_time() - start, (_resident("VmHWM") - before) / 1024
