"""All figures of fidelity of one submission, each beside what real images reach: the floors."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.evaluation.diversity import SMALLEST_SIDE, ms_ssim_within_classes
from medsyngen.evaluation.features import Features
from medsyngen.evaluation.fidelity import frechet_distance
from medsyngen.evaluation.kid import FeatureSet, kid
from medsyngen.evaluation.labelled import LabelledImages, at_shares
from medsyngen.evaluation.manifold import precision_recall
from medsyngen.evaluation.real_images import Compared, RealImages
from medsyngen.evaluation.spectrum import spectrum_distance
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams

_Floats = NDArray[np.float64]
_STREAMS = Streams(0)


def fidelity_figures(
    synthetic: LabelledImages,
    real: RealImages,
    task: Compared,
    judge: Features,
    *,
    expanded: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Returns KID, FD, precision and recall, MS-SSIM and the spectrum as JSON values.

    Args:
        synthetic: What is scored.
        real: The task's real images.
        task: Whose declared shares and number of images apply.
        judge: Gives the features; a public, fixed network that no method uses.
        expanded: Whether the intervals are widened where there are few patients.
        progress: Told after each part.
    """
    sides = {"synthetic": synthetic, "half": real.half, "other": real.other_half, "test": real.test}
    sets = {name: FeatureSet(judge(side.pixels), side.classes, side.patients) for name, side in sides.items()}
    distances = {}
    for done, (name, (x, y)) in enumerate(_KIDS.items(), start=1):
        rng = _STREAMS.numpy(f"bench: interval of {name}")
        found = kid(sets[x], sets[y], task.shares, rng=rng, expanded=expanded).to_json()
        distances[name] = {end: 1000 * value for end, value in found.items()}
        progress("distances", done, len(_KIDS))
    n = min(len(at_shares(side.classes, task.shares, task.images)) for name, side in sides.items() if name != "test")
    equal = {name: sets[name].features[at_shares(sides[name].classes, task.shares, n)] for name in _EQUAL}
    return {
        "kid_x1000": distances,
        "fd": _fd(equal),
        "manifold": {
            "images": n,
            "synthetic": _manifold(equal["synthetic"], equal["half"]),
            "floor": _manifold(equal["other"], equal["half"]),
        },
        "ms_ssim": {
            name: _alike(side, _STREAMS.numpy(f"bench: pairs of {name}"))
            for name, side in (("synthetic", synthetic), ("real", real.half))
        },
        "spectrum_db": {
            "synthetic": spectrum_distance(synthetic.pixels, real.half.pixels),
            "floor": spectrum_distance(real.other_half.pixels, real.half.pixels),
        },
    }


_EQUAL = ("synthetic", "half", "other")
_KIDS = {
    "to_test": ("synthetic", "test"),
    "to_test_floor": ("half", "test"),
    "to_private": ("synthetic", "half"),
    "to_private_floor": ("other", "half"),
}
"""Who is held against whom; the first is the headline."""


def _fd(equal: dict[str, _Floats]) -> dict[str, Any]:
    try:
        synthetic, floor = (frechet_distance(equal[name], equal["half"]) for name in ("synthetic", "other"))
    except UsageError as refused:
        return {"synthetic": None, "floor": None, "refused": refused.what}
    return {"synthetic": synthetic, "floor": floor, "refused": None}


def _alike(images: LabelledImages, rng: np.random.Generator) -> float | None:
    if min(images.pixels.shape[2:]) < SMALLEST_SIDE:
        return None
    return ms_ssim_within_classes(images, rng=rng)


def _manifold(x: _Floats, y: _Floats) -> dict[str, float] | None:
    return asdict(precision_recall(x, y)) if min(len(x), len(y)) > 3 else None
