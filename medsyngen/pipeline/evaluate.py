"""Evaluate: what a finished run is worth, held against real scans. An uncharged look; all of it stays in RUN/private.

Order: everything that can refuse without a scan, then the drawing, then the line in the ledger, then the scans.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from medsyngen.cohort.kept_pixels import disk_errors
from medsyngen.cohort.labels import LabelTable
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading import Reading, read_cohort
from medsyngen.errors import InputUnusable, MedsyngenError, UsageError
from medsyngen.evaluation.cohort_images import read_cohort_images
from medsyngen.evaluation.described import DescribedImages, of_columns
from medsyngen.evaluation.evaluating import EvaluationSettings, evaluate
from medsyngen.evaluation.features import check_installed
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.run_books import open_run_ledger
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.privacy.ledger import Ledger
from medsyngen.progress import Progress, silent
from medsyngen.recipe import Recipe
from medsyngen.report.evaluation_page import closest_pairs_png, evaluation_page

LOOK = "evaluate: exact figures of the scans were shown inside"
COUNT = 2000
FOLDER = "evaluation"


@dataclass(frozen=True)
class ScansToRead:
    """Where real scans are, and what is said of them.

    Args:
        scans: A folder or one ``.npz``.
        labels: Label file; None takes ``labels.csv`` in the folder if it is there.
        patient_map: The hospital's word on who is who.
    """

    scans: Path
    labels: Path | None = None
    patient_map: Path | None = None

    def check(self, option: str) -> None:
        """Refuses what is not there, before a look is noted for nothing."""
        if not self.scans.exists():
            raise InputUnusable(f"{option} is not there", do="name the folder of scans, or the .npz")


@dataclass(frozen=True, eq=False)
class EvaluationOutcome:
    """What was found and where it was written; private.

    Args:
        folder: ``RUN/private/evaluation``.
        figures: The content of evaluation.json.
        looks: Looks that the ledger holds now, this one among them.
        notices: What the data team should know, without any name or path.
    """

    folder: Path
    figures: dict[str, Any] = field(repr=False)
    looks: int
    notices: tuple[str, ...]


def evaluate_run(
    run: Path,
    real: ScansToRead,
    *,
    holdout: ScansToRead | None = None,
    cohort: Path | None = None,
    count: int = COUNT,
    ledger: Path | None = None,
    device: str = "auto",
    settings: EvaluationSettings | None = None,
    progress: Progress = silent,
) -> EvaluationOutcome:
    """Evaluates a finished run on real scans.

    Guarantee: none; the figures are exact. The look is in the ledger, on disk, before a scan is read, and nothing is
    written but that line and files in ``RUN/private/evaluation`` that only their owner can read.

    Args:
        run: RUN, finished; its recipe says in which form scans are read.
        real: What the run learned from.
        holdout: Patients whom it never saw, or None.
        cohort: A synthetic cohort to evaluate in place of fresh drawings.
        count: Images to draw otherwise.
        ledger: Where the site's ledger lies now, if it was moved.
        device: Where to draw.
        settings: Left out but in tests.
        progress: Told what is being done.

    Raises:
        MedsyngenError: With the exit code of its kind; see ``medsyngen/errors.py``.
    """
    folder = RunFolder(run)
    recipe = checked_recipe(folder)
    settings = settings or EvaluationSettings()
    if settings.judge is None or settings.probe is None:
        check_installed()
    real.check("--scans")
    if holdout is not None:
        holdout.check("--holdout")
    synthetic = synthetic_images(folder, recipe, cohort, count, device=device, progress=progress)
    with folder.lock():
        with writable_ledger(folder, ledger) as books:
            books.look(LOOK)
            looks = len(books.looks)
        reading = read_as_fit(recipe, real, folder, progress)
        others = None if holdout is None else read_as_fit(recipe, holdout, folder, progress)
        found = evaluate(
            synthetic,
            reading.cohort,
            others.cohort if others else None,
            recipe.target.conditioning,
            settings=settings,
            progress=progress,
        )
        notices = (*reading.notices, *(others.notices if others else ()), *_compared_with_fit(folder, reading))
        figures = {
            **found.figures,
            "recipe": {"name": recipe.name, "sha256": recipe.sha256},
            "evaluated": {"source": "cohort" if cohort else "generator", "images": len(synthetic)},
            "looks": looks,
            "notices": list(notices),
            "refused": [dataclasses.asdict(r) for each in (reading, others) if each for r in each.refusals],
        }
        png = closest_pairs_png(found.pairs)
        place = keep_inside(
            folder,
            {
                "evaluation.json": (json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(),
                "evaluation.html": evaluation_page(figures, png),
                "closest-pairs.png": png,
            },
        )
    return EvaluationOutcome(place, figures, looks, notices)


def checked_recipe(folder: RunFolder) -> Recipe:
    """Returns the recipe of a finished run that learned from scans.

    Raises:
        UsageError: The run has not finished, or read no scan, or makes volumes.
    """
    recipe = folder.finished_recipe()
    _ = recipe.scans.side  # before the look is noted: figures are of pictures
    if not recipe.reads_scans:
        raise UsageError(
            "this run read no scan: its promise (ε = 0, no ledger) would no longer be that of its folder, once scans "
            "were held against it there",
            do="export it, and name its cohort with --cohort beside a run that learned from these scans",
        )
    return recipe


def synthetic_images(
    folder: RunFolder, recipe: Recipe, cohort: Path | None, count: int, *, device: str, progress: Progress
) -> DescribedImages:
    """Returns the synthetic images that are evaluated: post-processing, no scan has a part in it."""
    conditioning = recipe.target.conditioning
    if cohort is not None:
        return read_cohort_images(cohort, conditioning, size=recipe.released_size, progress=progress)
    generator, _ = load_generator(folder, recipe, choose_device(device))
    draws = generator.draw(count, progress=progress)
    return of_columns(draws.pixels, draws.columns, conditioning)


@contextmanager
def writable_ledger(folder: RunFolder, chosen: Path | None) -> Iterator[Ledger]:
    """Opens the ledger that a run was charged to for writing, after checking it against all that the run has seen."""
    with open_run_ledger(folder, chosen) as (_, identity):
        path = identity.ledger_file(folder, chosen)
    with Ledger.open(path) as books:
        yield books


def read_as_fit(recipe: Recipe, what: ScansToRead, folder: RunFolder, progress: Progress) -> Reading:
    """Reads scans in the form in which `fit` of this recipe reads them; their pixels have no name on the disk then."""
    # Not in the cache of `fit`, whose own scans these would push out. The map stays when the file's name is gone.
    with disk_errors():
        place = TemporaryDirectory(dir=folder.private, prefix="evaluated-")
    with place:
        return read_cohort(
            what.scans,
            form=recipe.released_form,
            classes=recipe.classes,
            labels=LabelTable.read(what.labels) if what.labels else None,
            patient_map=PatientMap.read(what.patient_map) if what.patient_map else None,
            public_text=recipe.to_yaml(),
            cache_folder=Path(place.name),
            progress=progress,
        )


def keep_inside(folder: RunFolder, files: dict[str, bytes]) -> Path:
    """Writes files into ``RUN/private/evaluation``, where only their owner reads them, and returns that folder."""
    place = folder.private / FOLDER
    try:
        for each in (folder.private, place):
            each.mkdir(mode=0o700, exist_ok=True)
            each.chmod(0o700)
    except OSError as error:
        raise MedsyngenError(
            f"the run folder can't be written: {error.strerror}; the look stays in the ledger",
            do="free disk space or mend the folder's permissions, then run the same command again",
        ) from error
    for name, data in files.items():
        write_atomically(place / name, data)
    return place


def _compared_with_fit(folder: RunFolder, reading: Reading) -> tuple[str, ...]:
    """Returns a notice if these can't be the scans that the run learned from."""
    path = folder.private / "reading.json"
    if not path.is_file():
        return ()
    then = json.loads(path.read_text("utf-8"))
    if (then["patients"], then["scans"]) == (len(reading.cohort), reading.accepted):
        return ()
    return (
        "these are not as many patients and scans as `fit` read: figures against training patients hold only for those "
        "who were learned from",
    )
