"""The first images of an export as one sheet in the run folder: what left, at a glance. It is no part of the cohort."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import suppress

import numpy as np

from medsyngen.errors import MedsyngenError
from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.scan import Pixels
from medsyngen.synthesis.synthesizer import Draws

NAME = "exported.png"
MOST = 64
COLUMNS = 16


class FirstImages:
    """Keeps the first images that pass by."""

    def __init__(self) -> None:
        self._kept: list[Pixels] = []

    def watch(self, batches: Iterable[Draws]) -> Iterator[Draws]:
        """Passes batches on as they are."""
        for draws in batches:
            room = MOST - sum(map(len, self._kept))
            if room > 0:
                self._kept.append(draws.pixels[:room].copy())
            yield draws

    def sheet(self, count: int) -> bytes | None:
        """Returns the sheet as PNG; None where there is no picture to show, such as of whole volumes.

        Args:
            count: Images that the cohort holds.
        """
        if not self._kept or self._kept[0].ndim != 4:
            return None
        pixels = np.concatenate(self._kept)
        caption = f"SYNTHETIC: the first {len(pixels)} of {count} exported images"
        buffer = io.BytesIO()
        contact_sheet(pixels, COLUMNS, caption=caption).save(buffer, "PNG")
        return buffer.getvalue()


def write_export_preview(folder: RunFolder, first: FirstImages, count: int) -> None:
    """Writes ``RUN/exported.png``, after the cohort was published; a later export replaces it.

    Guarantee: it holds pixels of images that passed the gate, and a public number.

    Args:
        folder: Of the run.
        first: What passed by.
        count: Images of the cohort.
    """
    data = first.sheet(count)
    if data is None:
        return
    with suppress(MedsyngenError):  # a run folder that can only be read is no reason to fail: the cohort is out
        write_atomically(folder.path / NAME, data, mode=0o644)
