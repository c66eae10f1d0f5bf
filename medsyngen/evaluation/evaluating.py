"""All that `medsyngen evaluate` computes on real scans: exact figures, for inside only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from medsyngen.cohort.cohort import Cohort
from medsyngen.errors import InputUnusable
from medsyngen.evaluation.classifiers import CLASSIFIERS, ClassifierSettings
from medsyngen.evaluation.copies import find_copies
from medsyngen.evaluation.described import DescribedImages, of_patients, public_order
from medsyngen.evaluation.features import JUDGE_NAME, PROBE_NAME, Features, lite0_features, lite2_features
from medsyngen.evaluation.memory import check_memory
from medsyngen.evaluation.remembered import Remembered
from medsyngen.evaluation.spectrum import radial_power
from medsyngen.evaluation.subgroups import Sides, fidelity_by_group
from medsyngen.evaluation.usefulness import utility_by_attribute
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels
from medsyngen.synthesis.conditioning import Conditioning

SCHEMA_VERSION = 1
NOTICE = "INSIDE ONLY: exact figures of private scans, not for release"
FEWEST_PATIENTS = 8
TEST_SHARE = 4
"""Without hold-out patients, one in so many patients of SCANS is a test patient."""
SEEN = (
    "no hold-out patients were given: one in four patients of SCANS are the test patients. The classifiers trained on "
    "real images never saw them, but the generator learned from them, so figures on them may flatter it"
)
UNSEEN = "the patients of --holdout: neither the generator nor a classifier learned from them"


@dataclass(frozen=True)
class EvaluationSettings:
    """What a smaller test may change.

    Args:
        seeds: Trainings of each classifier.
        judge: Features that fidelity and copies are computed in; None for EfficientNet-lite2.
        probe: Features of the linear probe; None for EfficientNet-lite0.
        classifiers: That learn from synthetic and from real images.
    """

    seeds: int = 3
    judge: Features | None = None
    probe: Features | None = None
    classifiers: Sequence[ClassifierSettings] = CLASSIFIERS


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found; private.

    Args:
        figures: JSON values.
        pairs: float32 (pairs, 2 or 3, height, width): see :class:`medsyngen.evaluation.copies.Copies`.
    """

    figures: dict[str, Any] = field(repr=False)
    pairs: Pixels = field(repr=False)


def evaluate(
    synthetic: DescribedImages,
    scans: Cohort,
    holdout: Cohort | None,
    conditioning: Conditioning,
    *,
    settings: EvaluationSettings | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Compares synthetic images with the patients who were learned from and, if there are any, with others.

    Args:
        synthetic: The images.
        scans: All patients who were learned from.
        holdout: Patients who were not, or None.
        conditioning: The recipe's attributes.
        settings: Left out but in tests.
        progress: Told what is being done.

    Raises:
        InputUnusable: There are too few patients, the hold-out patients are not others, or memory does not suffice.
    """
    chosen = settings or EvaluationSettings()
    _check(scans, holdout)
    real = sum(len(record.classes) for cohort in (scans, holdout) if cohort for record in cohort.values())
    check_memory(len(synthetic) + real, synthetic.pixels.shape[-1])
    everyone = of_patients(scans, public_order(scans), conditioning)
    others = None if holdout is None else of_patients(holdout, public_order(holdout), conditioning)
    sides = Sides(synthetic, everyone, others) if others is not None else _split(synthetic, everyone)
    judge = Remembered(chosen.judge or (lambda pixels: lite2_features(pixels, progress=progress)))
    probe = Remembered(chosen.probe or (lambda pixels: lite0_features(pixels, progress=progress)))
    copies = find_copies(synthetic.pixels, everyone, others, judge, progress=progress)
    figures = {
        "kind": "medsyngen evaluation",
        "schema_version": SCHEMA_VERSION,
        "notice": NOTICE,
        "patients": {"scans": len(scans), "holdout": None if holdout is None else len(holdout)},
        "images": sides.images,
        "test_patients": {
            "from": "split" if holdout is None else "holdout",
            "statement": SEEN if holdout is None else UNSEEN,
        },
        "backbones": {"judge": JUDGE_NAME, "probe": PROBE_NAME},
        "fidelity": fidelity_by_group(sides, conditioning, judge, progress=progress),
        "spectrum": {
            "cycles_a_side": list(range(1, everyone.pixels.shape[-1] // 2 + 1)),
            "synthetic": radial_power(synthetic.pixels).tolist(),
            "training": radial_power(everyone.pixels).tolist(),
        },
        "utility": utility_by_attribute(
            sides, conditioning, probe, seeds=chosen.seeds, classifiers=chosen.classifiers, progress=progress
        ),
        "copies": copies.figures,
    }
    return Evaluation(figures, copies.pairs)


def _check(scans: Cohort, holdout: Cohort | None) -> None:
    for cohort, option in ((scans, "--scans"), (holdout, "--holdout")):
        if cohort is not None and len(cohort) < FEWEST_PATIENTS:
            raise InputUnusable(
                f"{option} holds fewer than {FEWEST_PATIENTS} patients: figures of so few say nothing",
                do="give all scans that the run learned from, and hold-out patients enough",
            )
    both = 0 if holdout is None else len(set(scans) & set(holdout))
    if both:
        raise InputUnusable(
            f"{both} patients are in --scans and in --holdout: hold-out patients must be others",
            do="take them out of the hold-out set; a patient map (--holdout-patient-map) can say who is who",
        )


def _split(synthetic: DescribedImages, everyone: DescribedImages) -> Sides:
    """Returns the patients of SCANS split in a public order; the numbers of the others close up."""
    test = everyone.patients % TEST_SHARE == TEST_SHARE - 1
    rest = everyone.where(~test)
    closed = np.unique(rest.patients, return_inverse=True)[1].astype(np.int64)
    return Sides(synthetic, DescribedImages(rest.pixels, rest.values, closed), everyone.where(test))
