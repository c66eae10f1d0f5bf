"""Is there writing in a picture? Evidence, never proof of none: small or faint letters are missed.

Needs the extra ``medsyngen[ocr]`` (RapidOCR; its models come with the package, nothing is downloaded).
"""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.pictures import Wanted, read_pictures
from medsyngen.cohort.scan_index import IndexedScan, ScanIndex
from medsyngen.cohort.slices import Slices
from medsyngen.errors import UsageError
from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress
from medsyngen.scan import Pixels

SURE: Final = 0.7
_LETTERS: Final = 4  # fewer are side marks such as L and PA, or noise
_LONGEST: Final = 1024
"""Longer pictures are made so small first: writing that people read at a glance stays readable."""


def check_ocr() -> None:
    """Refuses a search for text where the extra is not installed.

    Raises:
        UsageError: It isn't.
    """
    if importlib.util.find_spec("rapidocr_onnxruntime") is None:
        raise UsageError(
            "--ocr needs a package that is not installed", do="pip install 'medsyngen[ocr]', or leave it out"
        )


def chosen(scans: Sequence[IndexedScan], count: int) -> list[IndexedScan]:
    """Returns the scans to search: those at risk first, then others, evenly spread."""
    risky = at_risk(scans)
    places = [*spread_over(np.flatnonzero(risky), count), *spread_over(np.flatnonzero(~risky), count - risky.sum())]
    return [scans[int(place)] for place in places]


def at_risk(scans: Sequence[IndexedScan]) -> NDArray[np.bool_]:
    """Returns of each scan whether its header says that there may be text in the picture."""
    return np.fromiter((bool(scan.looks.risks) for scan in scans), bool, len(scans))


def spread_over(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Returns at most so many of them, evenly spread."""
    if count <= 0:
        return places[:0]
    chosen_ones = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(np.int64)
    return np.unique(places[chosen_ones])


def cases_with_text(index: ScanIndex, scans: Sequence[IndexedScan], progress: Progress) -> list[str]:
    """Returns the cases in whose picture text was found.

    Args:
        index: Of SCANS.
        scans: To be searched.
        progress: Told after each.
    """
    read, found = _engine(), []
    with ReadingWorkers() as workers:
        wanted = (Wanted(index.addresses(scan), Slices() if scan.parts else None) for scan in scans)
        for done, (scan, answer) in enumerate(zip(scans, workers.imap(read_pictures, wanted), strict=True), start=1):
            if not isinstance(answer, ScanRefused):
                pixels = answer.images[len(answer.images) // 2].pixels
                if has_text(read(_grey(pixels))):
                    found.append(scan.case_id)
            progress("searching for text", done, len(scans))
    return found


def has_text(boxes: Sequence[tuple[str, float]]) -> bool:
    """Returns whether any of the texts read, each with how sure the reader is, is more than a mark or noise."""
    return any(sure >= SURE and len(re.findall(r"[^\W_]", text)) >= _LETTERS for text, sure in boxes)


def _engine() -> Callable[[Any], list[tuple[str, float]]]:
    from rapidocr_onnxruntime import RapidOCR

    logging.getLogger("rapidocr").setLevel(logging.CRITICAL)
    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def read(picture: Any) -> list[tuple[str, float]]:
        boxes, _ = engine(picture)
        return [(str(box[1]), float(box[2])) for box in boxes or ()]

    return read


def _grey(pixels: Pixels) -> Any:
    from PIL import Image

    low, high = float(pixels.min()), float(pixels.max())
    grey = np.round((pixels - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    picture = Image.fromarray(grey)
    picture.thumbnail((_LONGEST, _LONGEST))
    return np.stack([np.asarray(picture)] * 3, axis=-1)
