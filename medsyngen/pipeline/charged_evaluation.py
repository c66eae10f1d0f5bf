"""Evaluate, charged: a few figures of a run bought with privacy, in place of a look. Nothing exact is shown."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medsyngen.errors import InputUnusable, UsageError
from medsyngen.evaluation.charged_figures import ChargedVector, check_asked, figures_of
from medsyngen.evaluation.charged_pieces import correct_by, covered_by
from medsyngen.evaluation.classifiers import classes_present
from medsyngen.evaluation.described import DescribedImages
from medsyngen.evaluation.evaluating import EvaluationSettings
from medsyngen.evaluation.features import check_installed, lite0_features, lite2_features
from medsyngen.pipeline.evaluate import (
    COUNT,
    ScansToRead,
    checked_recipe,
    keep_inside,
    read_as_fit,
    synthetic_images,
    writable_ledger,
)
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.accountant import guarantee_of
from medsyngen.privacy.budget import Budget, Guarantee
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.one_sum import sum_privately
from medsyngen.privacy.patient_sum import sum_event
from medsyngen.privacy.patients_charged import PatientsCharged
from medsyngen.privacy.purposes import EVALUATION
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.recipe import Recipe


@dataclass(frozen=True, eq=False)
class ChargedOutcome:
    """What was bought: noised, so it may be passed on, with the guarantee beside it.

    Args:
        file: Where it was written.
        figures: From :func:`medsyngen.evaluation.charged_figures.figures_of`.
        guarantee: Of this purchase alone; the ledger holds the whole.
        seeded: Its noise came from a seed: then it must not leave.
    """

    file: Path
    figures: dict[str, Any] = field(repr=False)
    guarantee: Guarantee
    seeded: bool


def charged_evaluation(
    run: Path,
    real: ScansToRead,
    *,
    asked: Sequence[str],
    epsilon: float,
    cohort: Path | None = None,
    count: int = COUNT,
    ledger: Path | None = None,
    device: str = "auto",
    settings: EvaluationSettings | None = None,
    keys: SecureStream | None = None,
    progress: Progress = silent,
) -> ChargedOutcome:
    """Buys figures of a finished run: one noised sum over the patients, charged before it is taken.

    Guarantee: that of :func:`medsyngen.privacy.one_sum.sum_privately` with C = √m for the m entries of
    :class:`medsyngen.evaluation.charged_figures.ChargedVector`, whose module has the proof of the sensitivity; the
    scans are read for nothing else, and nothing exact is returned or written. A purchase has a name of its own in the
    ledger of the run; one that died between charge and sum is lost, and the next one is charged anew.

    Args:
        run: RUN, finished.
        real: Scans; at most N_max patients of the recipe.
        asked: Names out of ``OFFERED``.
        epsilon: What this purchase may spend, at the ledger's δ.
        cohort: A synthetic cohort in place of fresh drawings.
        count: Images to draw otherwise.
        ledger: Where the site's ledger lies now, if it was moved.
        device: Where to draw.
        settings: Left out but in tests.
        keys: Left out but in tests.
        progress: Told what is being done.

    Raises:
        UsageError: A figure isn't offered, with the reason.
        BudgetRefused: It doesn't fit into what is left.
        MedsyngenError: See ``medsyngen/errors.py``.
    """
    names = check_asked(asked)
    folder = RunFolder(run)
    recipe = checked_recipe(folder)
    settings = settings or EvaluationSettings()
    _check(recipe, names, epsilon, settings)
    real.check("--scans")
    synthetic = synthetic_images(folder, recipe, cohort, count, device=device, progress=progress)
    vector = _vector(recipe, names, synthetic, settings, progress)
    keys = keys or secure_generator()
    with folder.lock(), writable_ledger(folder, ledger) as books:
        account = books.account
        noise = calibrate_noise(Budget(epsilon, account.budget.delta), sampling_rate=1.0, steps=1)
        plan = sum_event(noise)
        books.check_room(plan)  # before a scan is read
        reading = read_as_fit(recipe, real, folder, progress)
        if len(reading.cohort) > recipe.n_max:
            raise InputUnusable(
                f"there are more patients than patients_at_most ({recipe.n_max}); nothing was charged",
                do="give the scans that the run learned from",
            )
        name = secrets.token_hex(8)
        if account.reason is None:
            PatientsCharged(books.path).book(name, reading.cohort)
        run_account = books.begin(name, recipe_sha256=recipe.sha256, plan=plan, seeded=keys.seeded)
        place = keep_inside(folder, {})
        result = sum_privately(
            reading.cohort,
            vector,
            entries=len(vector.entries),
            clipping_norm=vector.clipping_norm,
            patients_at_most=recipe.n_max,
            noise_multiplier=noise,
            account=run_account,
            keys=keys,
            checkpoint=place / f"charged-{name}.safetensors",
            purpose=EVALUATION,
        )
        guarantee = guarantee_of(books.events(name), account.budget.delta, account.reason)
    deviation = noise * vector.clipping_norm / recipe.n_max
    figures = {
        "kind": "medsyngen charged evaluation",
        "schema_version": 1,
        "run": name,
        "asked": list(names),
        "guarantee": guarantee.sentence(),
        "noise_multiplier": noise,
        "clipping_norm": vector.clipping_norm,
        "patients_at_most": recipe.n_max,
        "seeded": result.seeded,
        "figures": figures_of(vector, result.mean.numpy(), deviation, recipe.n_max),
    }
    keep_inside(folder, {f"charged-{name}.json": (json.dumps(figures, indent=2, ensure_ascii=False) + "\n").encode()})
    return ChargedOutcome(place / f"charged-{name}.json", figures, guarantee, result.seeded)


def _check(recipe: Recipe, names: Sequence[str], epsilon: float, settings: EvaluationSettings) -> None:
    if not 0 < epsilon < 1000:
        raise UsageError(f"--epsilon must lie between 0 and 1000, got {epsilon:g}", do="name what it may spend")
    by_class = [name for name in names if name in ("labels", "accuracy")]
    if by_class and len(recipe.target.conditioning.values[0]) < 2:
        raise UsageError(f"the recipe declares no classes for {' and '.join(by_class)}", do="ask for other figures")
    if {"recall", "accuracy"} & set(names) and (settings.judge is None or settings.probe is None):
        check_installed()


def _vector(
    recipe: Recipe,
    names: tuple[str, ...],
    synthetic: DescribedImages,
    settings: EvaluationSettings,
    progress: Progress,
) -> ChargedVector:
    """Returns what each patient brings: made before any scan is read."""
    values = recipe.target.conditioning.values[0]
    covered = correct = None
    if "recall" in names:
        covered = covered_by(synthetic.pixels, settings.judge or lite2_features)
    if "accuracy" in names:
        by_first = synthetic.by(0)
        if not classes_present(by_first.classes, len(values)):
            raise InputUnusable(
                "not every class has synthetic images to train classifiers on", do="draw more (--count)"
            )
        correct = correct_by(
            by_first,
            settings.probe or lite0_features,
            classes=len(values),
            seeds=settings.seeds,
            classifiers=settings.classifiers,
            progress=progress,
        )
    return ChargedVector(names, values, covered, correct)
