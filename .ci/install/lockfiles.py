"""The lock files of ``.ci/install/lock``: what is installed, each file of it by its SHA-256."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER: Final = Path(__file__).resolve().parent / "lock"
EXTRAS: Final = ("codecs", "metrics", "ocr")
"""The extras that a hospital may want; each has a lock file of what it adds to ``base.txt``."""
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package of a lock file.

    Attributes:
        name: Normalised.
        version: The one that is installed, with its local part (``2.13.0+cpu``).
        marker: Where it is needed; ``None`` is everywhere.
        hashes: SHA-256 of every file that may be it: one a platform and Python, and its sources.
        text: The lines of the lock file, comments included.
    """

    name: str
    version: str
    marker: Marker | None
    hashes: frozenset[str]
    text: str

    def wanted(self, environment: Mapping[str, str]) -> bool:
        """Whether it is needed there; the keys are those of PEP 508."""
        return self.marker is None or self.marker.evaluate(dict(environment))

    def requirement(self) -> str:
        """Returns one line for pip, without the marker: whoever writes it has decided."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{each}" for each in sorted(self.hashes))])


def parse(text: str) -> list[Locked]:
    """Returns the packages of a lock file, in its order.

    Raises:
        ValueError: A package has no hash, or no version of its own.
    """
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            blocks.append([])
        if blocks and line.strip() and not line.startswith("#"):
            blocks[-1].append(line)
    return [_locked("\n".join(block)) for block in blocks]


def _locked(text: str) -> Locked:
    requirement = Requirement(text.splitlines()[0].partition("--hash")[0].rstrip("\\ "))
    hashes = frozenset(_HASH.findall(text))
    pins = [each.version for each in requirement.specifier if each.operator == "=="]
    if len(pins) != 1 or not hashes:
        raise ValueError(f"{requirement.name} has no single version, or no hash")
    return Locked(canonicalize_name(requirement.name), pins[0], requirement.marker, hashes, text)


def read(*names: str) -> list[Locked]:
    """Returns the packages of these lock files, for instance ``read("base", "torch-cpu", "codecs")``."""
    return [each for name in names for each in parse((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))]


def without(locked: Iterable[Locked], others: Iterable[Locked]) -> list[Locked]:
    """Returns those whose name and version the others don't have."""
    there = {(each.name, each.version) for each in others}
    return [each for each in locked if (each.name, each.version) not in there]
