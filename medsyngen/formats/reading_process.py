"""One reading process as the program sees it: what it was asked, what it answers, how it ended."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medsyngen.errors import MedsyngenError
from medsyngen.formats.allowance import Limits
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.wire import HEAD, pack, sizes, unpack

NO_FUNCTION = 70
"""Exit code of a process that does not find the function that it is asked for."""
_PROGRAM = Path(__file__).with_name("reading_worker.py")
# One thread: more would count against the limits of memory and time without reading anything sooner.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
_CHUNK = 1 << 20


class ReadingProcess:
    """A process, started when it is needed and again after it died.

    Args:
        limits: What reading one file may use.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running: subprocess.Popen[bytes] | None = None
        self.asked: deque[tuple[int, str, Any]] = deque()
        """Number, function and argument of every question without an answer."""
        self._unsent = bytearray()
        self._head = bytearray()
        self._body: bytearray | None = None
        self._filled = 0
        self._text = 0
        self._ready = False
        self._answered = 0
        self._waited = 0.0
        self._worked = 0.0

    def start(self) -> None:
        """Starts the process if it doesn't run; what it was asked and didn't answer it is asked again."""
        if self._running is not None:
            return
        paths = json.dumps([os.path.abspath(each) for each in sys.path])
        self._running = subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM), paths, json.dumps(asdict(self._limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what a decoder says may quote the file
            bufsize=0,
            env={**os.environ, **_ONE_THREAD},
        )
        os.set_blocking(self._pipe(0), False)
        with contextlib.suppress(OSError):  # a picture fits in without waiting for the program; a small pipe does, too
            fcntl.fcntl(self._pipe(1), fcntl.F_SETPIPE_SZ, _CHUNK)
        self._head, self._body, self._ready, self._answered = bytearray(), None, False, 0
        self._waited = self._worked = 0.0
        self._unsent = bytearray().join(part for _, name, argument in self.asked for part in pack((name, argument)))

    def stop(self) -> None:
        """Ends the process, whatever it is at."""
        self.asked.clear()
        self._end()

    def forget(self) -> None:
        """Makes it ready for other questions: a process that still has some is ended."""
        if self.asked:
            self.stop()

    def ask(self, function: str, number: int, argument: object) -> None:
        """Puts a question at the end of the row."""
        message = pack((function, argument))
        if not self.asked and self._running is not None and self._running.poll() is not None:
            self._end()  # it died between two tasks: nobody's fault
        self.start()
        self.asked.append((number, function, argument))
        self._unsent += b"".join(message)
        self.send()

    def send(self) -> None:
        """Writes as much as the process takes now."""
        if not self._unsent:
            return
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # a broken pipe shows when its answer is read
            del self._unsent[: os.write(self._pipe(0), memoryview(self._unsent)[:_CHUNK])]

    def silent(self, seconds: float) -> None:
        """Notes that the program waited so long for nothing; a process that neither answers nor works is ended."""
        self._waited += seconds
        if self._waited <= self._limits.silence or self._running is None:
            return
        worked, self._worked = self._worked, _processor_seconds(self._running.pid)
        if self._worked > worked:
            self._waited = 0.0  # its processor time has a limit of its own
        else:
            self._running.kill()

    def answers(self) -> Iterator[tuple[int, Any, int]]:
        """Reads what there is, which must be something; yields number, answer and its bytes when they are complete."""
        try:
            got = self._read()
            if self._body is None or self._filled < len(self._body):
                if not got:
                    yield from self._died()
                return
            body, self._body, self._waited = self._body, None, 0.0
            answer = unpack(body, self._text)
        except (ValueError, MemoryError):
            yield from self._died()
            return
        if not self._ready:
            self._ready = True
        elif self.asked:
            self._answered += 1
            yield self.asked.popleft()[0], answer, len(body)
        else:
            yield from self._died()  # it talks without being asked

    def _read(self) -> bool:
        """Reads what there is of one message; returns whether there was anything."""
        if self._body is None:
            part = os.read(self._pipe(1), HEAD - len(self._head))
            self._head += part
            if len(self._head) == HEAD:
                total, self._text = sizes(self._head)
                self._head, self._body, self._filled = bytearray(), bytearray(total), 0
            return bool(part)
        got = os.readv(self._pipe(1), [memoryview(self._body)[self._filled :]])
        self._filled += got
        return got > 0

    def _died(self) -> Iterator[tuple[int, Any, int]]:
        """The process ended: the first question without an answer is the one that ended it.

        Unless the process had read other files before, which may have done harm: then a fresh one is asked the same, so
        that what becomes of a file never depends on another.
        """
        slow = self._waited > self._limits.silence
        code = self._end()
        if not self._ready:
            raise MedsyngenError(
                f"the process that reads scans doesn't start (it ended with {code})",
                do="check that memory is free and that the installation is whole (`medsyngen --version`)",
            )
        if code == NO_FUNCTION:
            raise RuntimeError(f"not to be found by a process that reads: {self.asked[0][1]}")
        slow = slow or code == -signal.SIGPROF
        if self.asked and (slow or not self._answered):
            number, *_ = self.asked.popleft()
            yield number, ScanRefused("too-slow" if slow else "reader-died"), 0
        if self.asked:
            self.start()

    def _end(self) -> int | None:
        if self._running is None:
            return None
        running, self._running = self._running, None
        self._unsent = bytearray()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.asked:  # how it ended says why: a moment to end by itself, if it closed its answers
                running.wait(timeout=1.0)
        running.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(timeout=10.0)  # one that hangs in the kernel is left behind
        for pipe in (running.stdin, running.stdout):
            if pipe is not None:
                pipe.close()
        return running.returncode

    def _pipe(self, number: int) -> int:
        pipes = (self._running.stdin, self._running.stdout) if self._running is not None else (None, None)
        pipe = pipes[number]
        if pipe is None:
            raise RuntimeError("the process doesn't run")
        return pipe.fileno()

    @property
    def wants_more(self) -> bool:
        """Whether questions wait to be written."""
        return bool(self._unsent)

    @property
    def pipes(self) -> tuple[int, int]:
        """Where it takes questions from, and where it answers."""
        return self._pipe(0), self._pipe(1)


def _processor_seconds(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()  # proc(5): utime and stime are fields 14 and 15 of the line
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(processes: Sequence[ReadingProcess], longest: float) -> list[ReadingProcess]:
    """Waits until one of them has something to say, and writes their questions meanwhile.

    Args:
        processes: Running, each with a question before it.
        longest: Seconds after which a silent one is looked at anyway.

    Returns:
        Those that have something to say.
    """
    while True:
        reading = {process.pipes[1]: process for process in processes}
        writing = {process.pipes[0]: process for process in processes if process.wants_more}
        start = time.monotonic()
        readable, writable, _ = select.select(list(reading), list(writing), [], min(longest, 1.0))
        for pipe in writable:
            writing[pipe].send()
        if readable:
            return [reading[pipe] for pipe in readable]
        for process in processes:
            process.silent(time.monotonic() - start)
