"""Reading files that nobody vouched for in processes that may die: none of their ends is the end of the program.

A file can make a decoder take all memory, never come back, or abort the whole process. So private files are read in
processes of their own: fresh ones (not forks of a process that holds torch or private pixels), without torch, with a
limit on memory and time (:mod:`medsyngen.formats.allowance`), and answering in plain data
(:mod:`medsyngen.formats.wire`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from medsyngen.formats.allowance import Limits
from medsyngen.formats.reading_process import ReadingProcess, wait_for
from medsyngen.formats.refusal import ScanRefused

A = TypeVar("A")
R = TypeVar("R")
AHEAD: Final = 32
"""Questions that a process has before it at most."""
_HELD_BYTES: Final = 64 << 20  # answers that wait for their turn; beyond it only the next one is taken


class ReadingWorkers:
    """Processes that read files, replaced as they die. A context manager; to be used by one thread.

    Args:
        count: Processes.
        limits: What reading one file may use.
    """

    def __init__(self, count: int = 1, *, limits: Limits = Limits()) -> None:
        if count < 1:
            raise ValueError("at least one process")
        self._limits = limits
        self._processes = [ReadingProcess(limits) for _ in range(count)]
        self._busy = False

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()  # they load what they need while the program goes on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.stop()

    def imap(self, function: Callable[[A], R], arguments: Iterable[A]) -> Iterator[R | ScanRefused]:
        """Yields the answer for each argument, in order; reads ahead a bounded number of them.

        Args:
            function: At the top of a module that imports no torch. Takes and returns what
                :func:`medsyngen.formats.wire.pack` knows. Its :class:`ScanRefused` is its answer.
            arguments: One for each call.

        Yields:
            What the function returned; or the refusal that it raised; or ``reader-died`` or ``too-slow`` if its
            process ended, in which case the other arguments go to a new one.

        Raises:
            MedsyngenError: A process doesn't start.
            RuntimeError: Another ``imap`` of these processes isn't finished.
        """
        if self._busy:
            raise RuntimeError("these processes are at another task: finish it, or close it, first")
        name = f"{function.__module__}:{function.__qualname__}"
        if "<" in name or "." in function.__qualname__ or function.__module__ == "__main__":
            raise TypeError("a function at the top of a module is needed")
        self._busy = True
        try:
            yield from self._answers(name, arguments)
        finally:
            self._busy = False
            for process in self._processes:
                process.forget()

    def map_one(self, function: Callable[[A], R], argument: A) -> R:
        """Returns the answer for one argument.

        Raises:
            ScanRefused: Raised by the function, or because its process ended.
        """
        for answer in self.imap(function, [argument]):
            if isinstance(answer, ScanRefused):
                raise answer
            return answer
        raise RuntimeError("no answer")

    def _answers(self, name: str, arguments: Iterable[Any]) -> Iterator[Any]:
        questions = enumerate(arguments)
        done: dict[int, Any] = {}
        held, turn = 0, 0
        while True:
            self._ask(name, questions, len(done))
            if not any(process.asked for process in self._processes) and turn not in done:
                return
            while turn not in done:
                for number, answer, size in self._receive(turn, only=held > _HELD_BYTES):
                    done[number] = (answer, size)
                    held += size
                self._ask(name, questions, len(done))
            answer, size = done.pop(turn)
            held -= size
            turn += 1
            yield answer

    def _ask(self, name: str, questions: Iterator[tuple[int, Any]], done: int) -> None:
        """Hands questions out, to whoever has the fewest, until the look-ahead is full."""
        while True:
            process = min(self._processes, key=lambda each: len(each.asked))
            waiting = done + sum(len(each.asked) for each in self._processes)
            if len(process.asked) >= AHEAD or waiting >= AHEAD * len(self._processes):
                return
            following = next(questions, None)
            if following is None:
                return
            process.ask(name, *following)

    def _receive(self, turn: int, *, only: bool) -> list[tuple[int, Any, int]]:
        """Waits for answers: of all processes, or of the one whose turn it is."""
        wanted = [p for p in self._processes if p.asked and (not only or p.asked[0][0] == turn)]
        return [answer for process in wait_for(wanted, self._limits.silence) for answer in process.answers()]
