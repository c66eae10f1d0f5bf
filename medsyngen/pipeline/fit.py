"""Fit: private scans and a recipe to a generator, a report and a preview, charged to the ledger."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from medsyngen.cohort.identifiers import write_identifiers
from medsyngen.cohort.labels import LabelTable
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading import Reading, read_cohort
from medsyngen.cohort.scan_index import Refusal
from medsyngen.diffusion.unet import check_image_size
from medsyngen.errors import InputUnusable
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.generator_file import save_generator, write_preview
from medsyngen.pipeline.reports import write_report
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.budget import Budget, Guarantee, checked_delta
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.privacy.dpsgd import Mechanism
from medsyngen.privacy.ledger import Ledger
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.recipe import Recipe
from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.staged_diffusion import Target

OWN_LEDGER = "this version keeps one ledger a run"


@dataclass(frozen=True)
class FitOutcome:
    """What fit did; the counts are private and for the terminal only.

    Args:
        run: The run folder.
        already_finished: Nothing was done or charged, because it had been done.
        guarantee: What was spent.
        patients: In the cohort.
        scans: In the cohort.
        refusals: Scans left out, with reasons.
        notices: Further things that the data team should know.
    """

    run: Path
    already_finished: bool
    guarantee: Guarantee
    patients: int = field(default=0, repr=False)
    scans: int = field(default=0, repr=False)
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[str, ...] = ()


def run_recipe(
    recipe: Recipe,
    *,
    scans: Path,
    run: Path,
    labels: Path | None = None,
    patient_map: Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
    keys: SecureStream | None = None,
    mechanism: Mechanism | None = None,
) -> FitOutcome:
    """Trains a generator on private scans; goes on where an interrupted run stopped.

    Order: everything that can refuse does so before the first charge and before RUN is made: recipe, budget, scans,
    number of patients; then a rehearsal on phantoms; then the charged training; then preview and report.

    Args:
        recipe: With patients_at_most.
        scans: SCANS: a folder or one ``.npz``.
        run: RUN; made if need be.
        labels: Label file; None takes ``labels.csv`` in SCANS if it is there.
        patient_map: The hospital's word on who is who.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        progress: Told the phase and how far it is; never a private figure but the counts of files.
        keys: Left out but in tests: a seeded stream marks the run as not for release.
        mechanism: Left out but in tests.

    Raises:
        MedsyngenError: With the exit code of its kind; see ``medsyngen/errors.py``.
    """
    folder = RunFolder(run)
    folder.check_same_recipe(recipe)
    n_max = recipe.n_max
    if folder.finished:
        with Ledger.open(folder.ledger_file, read_only=True) as ledger:
            return FitOutcome(run, already_finished=True, guarantee=ledger.guarantee())
    place = choose_device(device)
    check_image_size(recipe.synthesis.network, recipe.scans.size)
    budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, n_max))
    training = recipe.synthesis.private
    sigma = calibrate_noise(budget, sampling_rate=training.sampling_rate(n_max), steps=training.steps)
    reading = _read(recipe, scans, labels, patient_map, progress)
    folder.create(recipe)
    _keep_inside(folder, reading)
    with _ledger(folder, budget, n_max) as ledger:
        generator: StagedGenerator = recipe.synthesis.fit(
            reading.cohort,
            target_of(recipe),
            patients_at_most=n_max,
            noise_multiplier=sigma,
            ledger=ledger,
            recipe_sha256=recipe.sha256,
            keys=keys or secure_generator(),
            private_folder=folder.private,
            device=place,
            mechanism=mechanism,
            progress=progress,
        )
        write_preview(folder, generator, progress)
        save_generator(folder, generator, recipe, ledger)
        guarantee = ledger.guarantee()
    write_report(run)
    return FitOutcome(
        run,
        already_finished=False,
        guarantee=guarantee,
        patients=len(reading.cohort),
        scans=reading.accepted,
        refusals=reading.refusals,
        notices=reading.notices,
    )


def target_of(recipe: Recipe) -> Target:
    """Returns what the recipe wants to be made."""
    return Target(
        size=recipe.scans.size,
        classes=tuple(c.name for c in recipe.classes),
        shares=tuple(c.share for c in recipe.classes),
    )


def _read(recipe: Recipe, scans: Path, labels: Path | None, patient_map: Path | None, progress: Progress) -> Reading:
    reading = read_cohort(
        scans,
        form=recipe.scans,
        classes=recipe.classes,
        labels=LabelTable.read(labels) if labels else None,
        patient_map=PatientMap.read(patient_map) if patient_map else None,
        public_text=recipe.to_yaml(),
        progress=progress,
    )
    if len(reading.cohort) > recipe.n_max:
        raise InputUnusable(
            f"there are more patients than patients_at_most ({recipe.n_max}); nothing was charged",
            do="raise patients_at_most above the number of patients (`medsyngen inspect` suggests one)",
        )
    return reading


def _keep_inside(folder: RunFolder, reading: Reading) -> None:
    write_identifiers(folder.identifiers_file, reading.identifiers)
    facts = {
        "inside_only": True,
        "patients": len(reading.cohort),
        "scans": reading.accepted,
        "unlabelled": reading.unlabelled,
        "notices": list(reading.notices),
        "refused": [dataclasses.asdict(refusal) for refusal in reading.refusals],
    }
    write_atomically(folder.private / "reading.json", json.dumps(facts, indent=1).encode())


def _ledger(folder: RunFolder, budget: Budget, patients_at_most: int) -> Ledger:
    if folder.ledger_file.exists():
        return Ledger.open(folder.ledger_file)
    ledger = Ledger.create(folder.ledger_file, budget=budget, patients_at_most=patients_at_most, reason=OWN_LEDGER)
    if folder.preflight_file.exists():
        ledger.look("inspect: what is in the scans, seen before this run began")
    return ledger
