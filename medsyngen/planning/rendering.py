"""How long a portrait's phantoms take on this machine."""

from __future__ import annotations

import time
from typing import Any

TRIED = 64
"""Phantoms rendered to see how long it takes; after as many that are not counted."""


def rendering_seconds(method: Any, size: int) -> float | None:
    """Returns seconds of one processor for all phantoms that a portrait renders, measured on a few of them.

    Args:
        method: The portrait.
        size: Side of the images.

    Returns:
        None if an encoder has to learn first: that is most of the time, and was not measured.
    """
    import numpy as np

    from medsyngen.synthesis.portrait import ENCODER, MEASURES
    from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator

    if ENCODER in method.measures:
        return None
    source, rng = PhantomSimulator(method.phantom, size), np.random.default_rng(0)

    def spent() -> float:
        before = time.process_time()
        pixels = source.random(TRIED, 0, rng).pixels
        for name in method.measures:
            MEASURES[name](pixels)
        return time.process_time() - before

    spent()
    return spent() / TRIED * phantoms_rendered(method)


def phantoms_rendered(method: Any) -> int:
    """Returns how many phantoms a portrait renders: the public bank, those of each round, and the members."""
    return int((1 + method.retargeting.rounds) * method.retargeting.bank + method.members)
