"""The reading process itself. Started by its path, so that it imports neither the program's main module nor torch.

python -I reading_worker.py SYS_PATH LIMITS    (two JSON texts; messages on standard input and output)
"""

import json
import sys

if __name__ == "__main__":
    # Before anything of medsyngen can be found: the same places as in the program that starts this.
    sys.path[:] = json.loads(sys.argv[1])
    # pydicom loads it where it is installed, to download samples; a third of a second that no reading needs.
    sys.modules["requests"] = None  # type: ignore[assignment]

import gc
import importlib
import os
import resource
import signal
from collections.abc import Callable
from typing import Any, BinaryIO

from medsyngen.formats.allowance import Limits, memory_for, on_request, seconds_for
from medsyngen.formats.reading_process import NO_FUNCTION
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.wire import HEAD, pack, sizes, unpack


def serve(limits: Limits, questions: BinaryIO, answers: int) -> None:
    """Answers questions until there are none: a function's name and its argument, one after the other."""
    on_request(lambda size: _bound(limits, size))
    functions: dict[str, Callable[[Any], Any]] = {}
    _write(answers, "ready")
    while head := questions.read(HEAD):
        total, text = sizes(head)
        name, argument = unpack(bytearray(questions.read(total)), text)
        if name not in functions:
            functions[name] = _function(name)
            gc.freeze()  # what is loaded by now stays: no need to look through it for garbage again and again
        _bound(limits, 0)
        answer = _answer(functions[name], argument)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, answer)


def _answer(function: Callable[[Any], Any], argument: object) -> Any:
    try:
        return function(argument)
    except ScanRefused as refused:
        return refused
    except MemoryError:
        return ScanRefused("too-large", "more memory than reading an image of its size may take")


def _bound(limits: Limits, image_bytes: int) -> None:
    """Sets how much memory and processor time the present file may use from here; the kernel keeps to it.

    Out of memory is a MemoryError or the end of the process; out of time is always the end (SIGPROF).
    """
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + memory_for(limits, image_bytes), resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, seconds_for(limits, image_bytes))


def _function(name: str) -> Callable[[Any], Any]:
    module, function = name.split(":")
    try:
        found: Callable[[Any], Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError):
        sys.exit(NO_FUNCTION)  # a mistake in the program, not in a file
    return found


def _write(file: int, value: object) -> None:
    for part in pack(value):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(file, rest) :]


def main() -> None:
    """Runs the process until its standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program's to handle
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the program is gone
    answers = os.dup(1)
    os.dup2(2, 1)  # what a decoder prints must not mix with answers
    serve(Limits(**json.loads(sys.argv[2])), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
