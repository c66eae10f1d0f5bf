"""The search for copies, whole: neighbours in two spaces, the test with its power, figures by patient, closest pairs.

All of it is exact about single patients: it stays inside, whatever it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsyngen.evaluation.copying import (
    LEVEL,
    NULL_HYPOTHESIS,
    PatientLots,
    copy_figures,
    joint_p_value,
    power,
    to_json,
)
from medsyngen.evaluation.described import DescribedImages
from medsyngen.evaluation.features import Features
from medsyngen.evaluation.labelled import Index, one_of_each_first
from medsyngen.evaluation.neighbours import Neighbours, nearest
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels

_Floats = NDArray[np.float64]
_STREAMS = Streams(0)
COPY_NOISE = 0.05
"""Standard deviation of the noise on planted copies, of grey values in [-1, 1]."""
MOST_PLANTED = 100
LARGEST_SIDE = 32
PAIRS = 24
NO_HOLDOUT = (
    "without hold-out patients there is nothing to hold the nearest training patients against: every patient of SCANS "
    "was learned from (--holdout SCANS2)"
)


@dataclass(frozen=True, eq=False)
class Copies:
    """What was found.

    Args:
        figures: JSON values.
        pairs: float32 (pairs, 2 or 3, height, width): synthetic image, nearest training image, nearest hold-out image.
    """

    figures: dict[str, Any] = field(repr=False)
    pairs: Pixels = field(repr=False)


def find_copies(
    synthetic: Pixels,
    training: DescribedImages,
    holdout: DescribedImages | None,
    judge: Features,
    *,
    progress: Progress = silent,
) -> Copies:
    """Looks for copies of training patients among synthetic images.

    Args:
        synthetic: float32 in [-1, 1], (n, 1, height, width).
        training: Of all patients who were learned from, numbered 0, 1 and so on.
        holdout: Of patients who were not; None where there are none.
        judge: Gives the features of the second space; the first is the pixels themselves.
        progress: Told after each part.
    """
    count = int(training.patients.max()) + 1
    others = () if holdout is None else (holdout,)
    real = (training.pixels, *(each.pixels for each in others))  # never joined: that would copy all pixels
    owners = np.concatenate([training.patients, *(each.patients + count for each in others)])
    parts = np.repeat(np.arange(1 + len(others)), [len(training), *map(len, others)])
    planted, planted_of = _noisy_copies(training)
    found, copied = {}, {}
    spaces: dict[str, Features] = {"pixels": flat, "features": judge}
    for done, (space, features) in enumerate(spaces.items(), start=1):
        targets = np.concatenate([features(part) for part in real])
        found[space] = nearest(features(synthetic), targets, owners, parts)
        copied[space] = nearest(features(planted), targets, owners, parts)
        progress("looking for copies", done, 1 + len(spaces))
    told = {
        "training_patients": count,
        "training_images": len(training),
        "spaces": {
            "pixels": f"root mean square of grey values, at most {LARGEST_SIDE} x {LARGEST_SIDE}",
            "features": "Euclidean, of the judge",
        },
        "distances": {space: _quantiles(each) for space, each in found.items()},
        "planted": {"noise": COPY_NOISE, "found_as_own": _as_own(copied, planted_of)},
        **_tested(found, copied, count, None if holdout is None else int(holdout.patients.max()) + 1),
    }
    progress("looking for copies", 1 + len(spaces), 1 + len(spaces))
    return Copies(told, _pairs(synthetic, real, found))


def _tested(
    found: Mapping[str, Neighbours], copied: Mapping[str, Neighbours], training: int, holdout: int | None
) -> Any:
    kinds = {"training": range(training)} | ({"holdout": range(training, training + holdout)} if holdout else {})
    by_patient = {
        space: {kind: _of_patients(each, who) for kind, who in kinds.items()} for space, each in found.items()
    }
    if not holdout:
        return {"test": None, "left_out": NO_HOLDOUT, "per_patient": by_patient}
    is_training = np.arange(training + holdout) < training
    lots = PatientLots.draw(is_training, _STREAMS.numpy("evaluate: permuted patients"))
    figures = {space: copy_figures(each, lots) for space, each in found.items()}
    p = joint_p_value(list(figures.values()))
    test = {
        "null": NULL_HYPOTHESIS,
        "expected_share": training / (training + holdout),
        "figures": to_json(figures),
        "p_value": p,
        "level": LEVEL,
        "permutations": len(lots.permuted),
        "power": power(found, copied, lots, _STREAMS.numpy("evaluate: planted copies")),
    }
    return {"test": test, "left_out": None, "holdout_patients": holdout, "per_patient": by_patient}


def flat(pixels: Pixels) -> _Floats:
    """Returns the pixels of each image in a row, so scaled that distances are root mean squares.

    Larger images are averaged to 32 x 32 first: that bounds memory, and a copy is near there, too.
    """
    from torch import from_numpy
    from torch.nn.functional import adaptive_avg_pool2d

    if max(pixels.shape[2:]) > LARGEST_SIDE:
        pixels = adaptive_avg_pool2d(from_numpy(np.ascontiguousarray(pixels)), LARGEST_SIDE).numpy()
    rows = pixels.reshape(len(pixels), -1).astype(np.float64)
    return np.asarray(rows / np.sqrt(rows.shape[1]))


def _noisy_copies(training: DescribedImages) -> tuple[Pixels, Index]:
    """Returns a noisy copy of one image of each of some training patients, and whose they are."""
    rng = _STREAMS.numpy("evaluate: noise of planted copies")
    order = rng.permutation(len(training))
    first = order[one_of_each_first(training.patients[order])]
    rows = first[: min(MOST_PLANTED, len(np.unique(training.patients)))]
    noise = rng.normal(0.0, COPY_NOISE, training.pixels[rows].shape)
    return np.clip(training.pixels[rows] + noise, -1, 1).astype(np.float32), training.patients[rows]


def _as_own(copied: Mapping[str, Neighbours], owners: Index) -> dict[str, float]:
    """Returns the share of planted copies whose nearest patient is the one who was copied."""
    return {space: float((each.patient == owners).mean()) for space, each in copied.items()}


def _quantiles(found: Neighbours) -> dict[str, dict[str, float]]:
    names = ("training", "holdout")[: found.apart.shape[1]]
    asked = {"smallest": 0.0, "1 %": 0.01, "5 %": 0.05, "median": 0.5}
    return {
        name: {word: float(np.quantile(found.apart[:, part], q)) for word, q in asked.items()}
        for part, name in enumerate(names)
    }


def _of_patients(found: Neighbours, who: range) -> dict[str, Any]:
    """Returns the maxima over patients of one kind: no average hides the one who was copied."""
    mine = (found.patient >= who.start) & (found.patient < who.stop)
    counts = np.bincount(found.patient[mine] - who.start, minlength=len(who))
    return {
        "patients": len(who),
        "nearest_to_none": int((counts == 0).sum()),
        "most_images_of_one": int(counts.max()),
        "smallest_ratios": [float(ratio) for ratio in np.sort(found.ratio[mine])[:10]],
    }


def _pairs(synthetic: Pixels, real: Sequence[Pixels], found: Mapping[str, Neighbours]) -> Pixels:
    """Returns the images that stand out most towards one patient, half of them by each space, beside the nearest."""
    rows: dict[int, Neighbours] = {}
    for number, each in enumerate(found.values(), start=1):
        few = np.argsort(each.ratio, kind="stable")
        for row in few.tolist():
            if len(rows) >= number * PAIRS // len(found):
                break
            rows.setdefault(row, each)
    starts = np.cumsum([0, *map(len, real)])
    shown = []
    for row, each in rows.items():
        beside = [part[image - start, 0] for part, image, start in zip(real, each.image[row], starts, strict=False)]
        shown.append(np.stack([synthetic[row, 0], *beside]))
    return np.stack(shown)
