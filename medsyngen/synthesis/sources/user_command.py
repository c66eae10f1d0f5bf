"""Any program as the source: it gets a request file, writes an answer file, and is told nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.formats.npz import MAX_BYTES, read_npz_array
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import Pixels
from medsyngen.synthesis.sources.alone import run_alone
from medsyngen.synthesis.sources.field_checks import check_attested, check_texts
from medsyngen.synthesis.variation import Population

REQUEST, ANSWER = "request.npz", "answer.npz"
SLACK = 1e-3
"""How far beyond [-1, 1] an answer may lie by rounding; it is clipped."""


@dataclass(frozen=True)
class UserCommand:
    """A program that somebody says is public: it was made without these private scans.

    For each call the command runs in a new folder that holds ``request.npz``: ``what`` (``random`` or ``vary``),
    ``classes`` int64 (n,), ``degree`` float64 (0 for random), ``seed`` int64, ``size`` int64, ``images`` float32
    (n, size, size) in [-1, 1], the members to vary (none for random). It must write ``answer.npz`` with ``images``,
    floats (n, size, size) in [-1, 1], the i-th of class ``classes[i]``, and end with status 0.

    Guarantee: the command is handed a request and nothing else: no variable of this process's environment, no open
    file, no input, no path to scans or to the run. Requests hold populations that were chosen by noised votes. It is
    *not* locked in: it runs as this user, and could search the disk. Whoever attests says that it does not, and that
    it was made without the private scans; the name stands in the recipe and in reports.

    Args:
        command: The program and its arguments.
        size: Side of the images in pixels.
        attested_by: Who says that the command is public.
        path: ``PATH`` of the command, the one variable that it gets.
        seconds: A call that takes longer is killed, with all processes that it started.

    Raises:
        UsageError: The program is named as seen from some folder, there is no attestation, or no time. At the first
            use: there is no such program.
    """

    command: tuple[str, ...]
    size: int
    attested_by: str
    path: str = "/usr/local/bin:/usr/bin:/bin"
    seconds: float = 600.0

    def __post_init__(self) -> None:
        check_attested(self.attested_by, "the command")
        check_texts(path=self.path)
        if not isinstance(self.command, tuple) or not all(isinstance(part, str) for part in self.command):
            raise UsageError("`command` is no list of texts", do="write it as [program, argument, ...]")
        check_texts(command="".join(self.command))
        # The command starts in a new folder: a path relative to this one would lead nowhere there.
        if not self.command or (os.sep in self.command[0] and not os.path.isabs(self.command[0])):
            raise UsageError(
                "the command names no program by its whole path", do="give it, or the name alone and `path`"
            )
        if not 0 < self.seconds < float("inf"):
            raise UsageError("the command gets no time", do="give `seconds` above 0")

    @property
    def origin(self) -> str:
        """What it is, for reports."""
        return f"a command, attested to be public by {self.attested_by}"

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        """Returns images that the command made.

        Raises:
            UsageError: The command failed, took too long, or gave a wrong answer.
        """
        none = np.empty((0, self.size, self.size), np.float32)
        return self._asked("random", none, np.full(count, label, np.int64), 0.0, rng)

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        """Returns the command's variations; errors as :meth:`random`."""
        return self._asked("vary", population.pixels[:, 0], population.classes, degree, rng)

    def _asked(
        self, what: str, images: Pixels, classes: NDArray[np.int64], degree: float, rng: np.random.Generator
    ) -> Population:
        if not len(classes):
            return Population(np.empty((0, 1, self.size, self.size), np.float32), classes)
        request = {
            "what": np.array(what),
            "classes": classes,
            "degree": np.float64(degree),
            "seed": rng.integers(2**63 - 1),
            "size": np.int64(self.size),
            "images": images,
        }
        return Population(self._answer(request, (len(classes), self.size, self.size)), classes)

    def _answer(self, request: Mapping[str, Any], shape: tuple[int, ...]) -> Pixels:
        if shutil.which(self.command[0], path=self.path) is None:
            raise UsageError("the command's program is not there", do="install it where the recipe says it is")
        with tempfile.TemporaryDirectory(prefix="generator-") as name:
            folder = Path(name)
            np.savez(folder / REQUEST, **request)
            failure = run_alone(self.command, folder, path=self.path, seconds=self.seconds)
            if failure:
                raise _refused(failure)
            return checked_answer(folder / ANSWER, shape)


def checked_answer(path: Path, shape: tuple[int, ...]) -> Pixels:
    """Returns the images of an answer, (n, 1, size, size), clipped to [-1, 1].

    Raises:
        UsageError: It is no plain file, too large, unreadable, of another shape, not finite, or out of range.
    """
    if path.is_symlink() or not path.is_file():
        raise _refused(f"it wrote no file {ANSWER}")
    # Eight bytes a number and some for the archive itself: what is larger can't be the answer.
    largest = min(MAX_BYTES, 8 * int(np.prod(shape)) + 65536)
    if path.stat().st_size > largest:
        raise _refused("its answer is larger than images of this number and size can be")
    try:
        images = read_npz_array(path, "images", largest)
    except ScanRefused as refused:
        raise _refused(f"its answer can't be read: {refused.what}") from None
    if images.shape != shape or images.dtype.kind != "f":
        raise _refused(f"it answered with {images.dtype} {images.shape}, not with floats {shape}")
    if not np.isfinite(images).all():
        raise _refused("it answered with values that are not finite")
    if np.abs(images).max() > 1 + SLACK:
        raise _refused("it answered with values outside [-1, 1]")
    return np.asarray(np.clip(images, -1, 1), np.float32)[:, None]


def _refused(why: str) -> UsageError:
    return UsageError(
        f"the command can't be used as a source of images: {why}",
        do="run it by hand on a request as docs/how-to/bring-your-own-generator.md shows",
    )
