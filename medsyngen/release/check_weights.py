"""Check: the weights of a bundle are numbers of the network that it says, all finite, and nothing beside them.

Read byte by byte, without the library that writes them. Source: the safetensors format: eight bytes with the length of
a JSON header, the header, and the tensors without a gap.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from medsyngen.release.bundle_draft import BundleDraft
from medsyngen.release.bundle_texts import WEIGHTS
from medsyngen.release.checks import Problem
from medsyngen.release.unpacking import weights_start

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_METADATA: Final = "__metadata__"


class WeightsCheck:
    """Reads the file of weights.

    Args:
        draft: Which weights there must be, and what stands beside them.
    """

    name = "weights"
    read = "names, shapes and every number of the weights, and the text beside them"
    rules: tuple[str, ...] = ("G1", "G2", "G6", "G7")

    def __init__(self, draft: BundleDraft) -> None:
        self._shapes = {name: list(shape) for name, shape in draft.shapes.items()}
        self._told = draft.told

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads the weights; leaves all other files."""
        if file == WEIGHTS:
            for reason in self._wrong(data):
                yield Problem(f"{WEIGHTS}: {reason}", _DO)

    def _wrong(self, data: bytes) -> Iterator[str]:
        start = weights_start(data)
        if start is None:
            yield "it is no file of weights"
            return
        header = json.loads(data[8:start])
        if header.pop(_METADATA, None) != {"medsyngen": self._told}:
            yield "the text beside the weights is another than public facts make"
        if {name: entry["shape"] for name, entry in header.items()} != self._shapes:
            yield "its weights are not those of the network"
        yield from _numbers(header, data[start:])

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add."""
        return ()


def _numbers(header: dict[str, Any], data: bytes) -> Iterator[str]:
    end = 0
    for entry in sorted(header.values(), key=lambda entry: tuple(entry["data_offsets"])):
        first, last = entry["data_offsets"]
        if set(entry) != {"dtype", "shape", "data_offsets"} or entry["dtype"] != "F32":
            yield "a weight is no float32"
            return
        if first != end or last - first != 4 * math.prod(entry["shape"]):
            yield "there are bytes that belong to no weight"
            return
        end = last
    if end != len(data):
        yield "bytes follow the weights"
    elif not np.isfinite(np.frombuffer(data, dtype="<f4")).all():
        yield "a weight is no finite number"
