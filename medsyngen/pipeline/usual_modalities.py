"""What is publicly known of a kind of scans: what to draw, what its numbers mean, and as what it is released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class UsualModality:
    """One kind of scans.

    Args:
        phantom: What to draw.
        window: ``scans.window``.
        body_part: Body Part Examined; empty where nothing is known.
        release: ``release.modality``.
        side_mm: A usual length of the longer side of a scan, which becomes the recipe's ``scans.size``; None where the
            files need no spacing.
        axial: Whether scans are volumes, of which axial slices are taken: those are what the phantom shows.
    """

    phantom: str
    window: str | tuple[int, int]
    body_part: str
    release: str
    side_mm: float | None = None
    axial: bool = False

    def fields(self, size: int) -> dict[str, Any]:
        """Returns the fields of ``scans`` and ``release`` that follow from it.

        Args:
            size: Pixels a side.
        """
        window = self.window if isinstance(self.window, str) else list(self.window)
        return {
            "scans.window": window,
            "scans.slices": {"plane": "axial", "every": 4} if self.axial else None,
            "release.modality": self.release,
            "release.pixel_spacing_mm": None if self.side_mm is None else round(self.side_mm / size, 3),
            "release.window": window if self.release == "CT" else None,
            **({"release.body_part": self.body_part} if self.body_part else {}),
        }

    def comments(self) -> dict[str, str]:
        """Returns what stands beside these fields, where the shipped recipe's own words would be wrong or too few."""
        found = {}
        if self.side_mm is not None:
            found["release.pixel_spacing_mm"] = (
                f"a usual longer side of {self.side_mm:g} mm over scans.size; say what your scans usually have"
            )
        if self.axial:
            found["scans.slices"] = "every 4th axial slice of a volume; null: every slice of DICOM, no other volumes"
            found["release.view_position"] = "of radiographs only: stands in no file here"
        if self.release == "SC":
            found["release.modality"] = "secondary capture: names no machine that made it"
        if not self.body_part:
            found["release.body_part"] = "not known to this program: name what your scans show"
        return found


_CHEST: Final = ("chest_radiograph", "bit-depth", "CHEST")
USUAL: Final[Mapping[str, UsualModality]] = {
    "CR": UsualModality(*_CHEST, "CR"),
    "DX": UsualModality(*_CHEST, "DX", side_mm=430),
    "SC": UsualModality(*_CHEST, "SC"),
    "CT": UsualModality("thorax_ct", (-1000, 400), "CHEST", "CT", side_mm=400, axial=True),
    "MR": UsualModality("brain_mr", "per-scan", "HEAD", "MR", side_mm=240, axial=True),
}
"""By DICOM code. Sides: a chest detector of 35 x 43 cm, a field of view of 40 cm (thorax) and of 24 cm (head)."""


def usual(codes: tuple[str, ...]) -> UsualModality | None:
    """Returns what is usual of these modalities together; None if they are not known, or not drawn alike.

    Args:
        codes: DICOM modalities that one recipe takes.
    """
    kinds = [USUAL.get(code) for code in codes]
    first = kinds[0] if kinds else None
    if first is None or any(kind is None or kind.phantom != first.phantom for kind in kinds):
        return None
    # Radiographs of several kinds become CR: it is the one that asks for nothing that not all of them have.
    return first if len(kinds) == 1 else USUAL["CR"]
