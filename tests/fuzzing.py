"""Mutations of sound files: bytes turned, lengths forged, pieces cut, doubled, moved; and what reading gives."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom

from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused

LARGEST = 300_000  # of the files that are mutated
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF)
Rng = np.random.Generator


def seeds(more: Path | None = None) -> list[Path]:
    """Sound and odd files to begin from: pydicom's own, and those of a folder of real ones."""
    own = Path(pydicom.__file__).parent / "data" / "test_files"
    found = [*sorted(own.glob("*.dcm")), *(sorted(more.iterdir()) if more else ())]
    return [path for path in found if path.is_file() and 1000 < path.stat().st_size < LARGEST]


def _turn(data: bytearray, rng: Rng) -> None:
    for at in rng.integers(128, min(len(data), 4000), rng.integers(1, 6)):
        data[at] ^= 1 << rng.integers(8)


def _overwrite(data: bytearray, rng: Rng) -> None:
    at = int(rng.integers(128, len(data)))
    data[at : at + 8] = rng.bytes(8)


def _forge(data: bytearray, rng: Rng) -> None:
    """Puts an extreme number where one of 2 or 4 bytes may stand."""
    at = 2 * int(rng.integers(64, min(len(data), 6000) // 2))
    size = int(rng.choice([2, 4]))
    value = EXTREMES[rng.integers(len(EXTREMES))] % (1 << 8 * size)
    data[at : at + size] = value.to_bytes(size, str(rng.choice(["little", "big"])))


def _forge_pixels(data: bytearray, rng: Rng) -> None:
    """Gives an element of the Image Pixel module (group 0028) another value."""
    places = [match.start() for match in re.finditer(rb"\x28\x00..US", bytes(data[:20_000]), re.DOTALL)]
    if places:
        at = places[rng.integers(len(places))]
        value = int(rng.choice([0, 1, 2, 3, 7, 8, 12, 15, 16, 32, 255, 4096, 65535]))
        data[at + 8 : at + 10] = value.to_bytes(2, "little")


def _cut(data: bytearray, rng: Rng) -> None:
    at = int(rng.integers(132, len(data)))
    del data[at : at + int(rng.choice([1, 2, 8, 100, 1 << 20]))]


def _double(data: bytearray, rng: Rng) -> None:
    at, length = int(rng.integers(132, len(data))), int(rng.integers(1, 400))
    data[at:at] = data[at : at + length] * int(rng.integers(1, 20))


def _move(data: bytearray, rng: Rng) -> None:
    first, second = (int(each) for each in rng.integers(132, len(data), 2))
    data[first : first + 64] = data[second : second + 64]


MUTATIONS: Sequence[Callable[[bytearray, Rng], None]] = (_turn, _overwrite, _forge, _forge_pixels, _cut, _double, _move)


def mutated(data: bytes, rng: Rng) -> bytes:
    """Returns the file with one to three mutations."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        MUTATIONS[rng.integers(len(MUTATIONS))](changed, rng)
        if len(changed) < 200:
            break
    return bytes(changed)


def attempt(path: str) -> str:
    """What reading one file comes to; an exception that is no refusal is named with its place."""
    from medsyngen.formats.dicom import read_header
    from medsyngen.formats.dicom_pixels import read_frames

    try:
        with contextlib.suppress(ScanRefused):
            read_header(Path(path))
        pixels = read_frames(Path(path)).pixels
        return "read" if np.isfinite(pixels).all() else "read: not finite"
    except ScanRefused as refused:
        return refused.reason
    except MemoryError:
        return "too-large"
    except Exception as error:  # the whole point
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        return f"BUG {type(error).__name__} at {where}"


def outcomes(count: int, seed: int, keep: Path, more: Path | None = None) -> Counter[str]:
    """Mutates and reads; returns how often each outcome came.

    Args:
        count: Mutations.
        seed: Of them all; mutation i of a seed is always the same.
        keep: A folder for mutations that ended the reader or showed a mistake.
        more: A folder of real files.
    """
    files = seeds(more)
    with tempfile.TemporaryDirectory() as folder, ReadingWorkers() as workers:
        numbers = iter(range(count))

        def written() -> Iterator[str]:
            for number in numbers:
                rng = np.random.default_rng([seed, number])
                path = Path(folder) / f"{seed}-{number}"
                path.write_bytes(mutated(files[rng.integers(len(files))].read_bytes(), rng))
                yield str(path)

        said: Counter[str] = Counter()
        for number, answer in enumerate(workers.imap(attempt, written())):
            outcome = answer.reason if isinstance(answer, ScanRefused) else answer
            said[outcome] += 1
            path = Path(folder) / f"{seed}-{number}"
            if outcome.startswith(("BUG", "reader-died", "read: not")):
                (keep / f"{outcome.replace(' ', '-').replace(':', '-')}-{path.name}").write_bytes(path.read_bytes())
            path.unlink()
    return said


if __name__ == "__main__":
    import fuzzing  # under a name that a reading process can find

    count, seed, keep = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    found = fuzzing.outcomes(count, seed, keep, Path(sys.argv[4]) if len(sys.argv) > 4 else None)
    sys.stdout.write(json.dumps(dict(found.most_common()), indent=1) + "\n")
