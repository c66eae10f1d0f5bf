"""Pitfalls of numbers read from the scans: classes and their counts, N, windows; and of people under two IDs."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fits import RARE, hospital, public_facts, recipe
from toys import LinearLoss, toy_weights
from watched import ONE_STEP, C, Parts, fresh, judge, watch

from medsyngen.cohort import reading
from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading import Reading, read_cohort
from medsyngen.cohort.transforms import ScanForm
from medsyngen.errors import UsageError
from medsyngen.pipeline import fit
from medsyngen.privacy.budget import Budget
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.scan import PatientKey

Facts = Mapping[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One folder for all fits: the public expert is trained once."""
    return tmp_path_factory.mktemp("fits")


@pytest.fixture(scope="module")
def worlds(folder) -> dict[str, Path]:
    return {
        "as it is": hospital(folder / "a.npz"),
        "the rare class relabelled": hospital(folder / "b.npz", label_of_rare="0"),
        "the rare patient gone": hospital(folder / "c.npz", without=RARE),
    }


@lru_cache
def as_shipped(folder: Path, scans: Path) -> Facts:
    return public_facts(folder, scans)


def patients_in(scans: Path) -> int:
    with np.load(scans) as arrays:
        return len(set(arrays["patient_id"]))


class Overheard:
    """Reads the scans as ever, and lets a mutant see what was read."""

    def __call__(self, *arguments, **more) -> Reading:
        self.last = read_cohort(*arguments, **more)
        return self.last

    def counts(self, classes: int) -> np.ndarray:
        found = [self.last.cohort[p].classes for p in self.last.cohort]
        return np.bincount(np.concatenate(found), minlength=classes)[:classes]


# --- class counts and class list read from private data


def law_of_public_facts(facts_of: Callable[[Path], Facts], worlds: Mapping[str, Path]) -> None:
    """Recipe, plan, report, the generator's classes, shares and rows: the same without a class, without a patient."""
    first, *others = worlds.values()
    usual = facts_of(first)
    for scans in others:
        facts = facts_of(scans)
        assert facts.keys() == usual.keys()
        assert [file for file in usual if facts[file] != usual[file]] == []


def target_with(change: Callable[[Any, np.ndarray], Any], folder: Path) -> Callable[[Path], Facts]:
    """A fit whose target is the recipe's, changed by how many scans of each class there are."""
    read, real = Overheard(), fit.target_of

    def target(recipe):
        given = real(recipe)
        return change(given, read.counts(len(given.classes)))

    return lambda scans: public_facts(folder, scans, read_cohort=read, target_of=target)


def classes_seen(given, counts):
    found = np.flatnonzero(counts)
    return replace(given, classes=tuple(given.classes[k] for k in found), shares=tuple(given.shares[k] for k in found))


def shares_counted(given, counts):
    return replace(given, shares=tuple((counts / counts.sum()).tolist()))


CLASSES = {
    "the classes that were seen": partial(target_with, classes_seen),
    "shares as the scans have them": partial(target_with, shares_counted),
}


def test_class_counts_and_class_list_read_from_private_data(folder, worlds):
    mutants = {name: make(folder) for name, make in CLASSES.items()}
    judge(lambda facts_of: law_of_public_facts(facts_of, worlds), partial(as_shipped, folder), mutants)


# --- N filled in from the data


def law_of_n(fit_of: Callable[[Path, int | None], Facts], worlds: Mapping[str, Path]) -> None:
    """Without a public bound nothing begins; with it, one patient less shows nowhere outside ``private/``."""
    two = {name: worlds[name] for name in ("as it is", "the rare patient gone")}
    law_of_public_facts(lambda scans: fit_of(scans, 40), two)
    try:
        fit_of(worlds["as it is"], None)
    except UsageError as refused:
        begun = "patients_at_most" not in refused.what
    else:
        begun = True
    assert not begun


def bound_from_the_recipe(folder: Path, scans: Path, bound: int | None) -> Facts:
    return as_shipped(folder, scans) if bound == 40 else public_facts(folder, scans, the_recipe=recipe(bound))


def filled_in(folder: Path, scans: Path, bound: int | None) -> Facts:
    """Convenient: who leaves the bound out gets the number of patients."""
    return bound_from_the_recipe(folder, scans, bound or patients_in(scans))


def delta_from_the_real_number(folder: Path, scans: Path, bound: int | None) -> Facts:
    delta = 1 / (1000 * patients_in(scans))
    return public_facts(folder, scans, run_budget=lambda epsilon, *public: Budget(epsilon, delta))


def counts_beside_the_recipe(folder: Path, scans: Path, bound: int | None) -> Facts:
    real = fit._keep_inside

    def keep(run, what):
        real(run, what)
        shutil.copy(run.private / "reading.json", run.path / "reading.json")

    return public_facts(folder, scans, _keep_inside=keep)


NUMBERS = {
    "filled in where it is missing": filled_in,
    "δ from the real number": delta_from_the_real_number,
    "counts written beside the recipe": counts_beside_the_recipe,
}


def test_n_filled_in_from_the_data(folder, worlds):
    mutants = {name: partial(mutant, folder) for name, mutant in NUMBERS.items()}
    judge(lambda fit_of: law_of_n(fit_of, worlds), partial(bound_from_the_recipe, folder), mutants)


# --- windows and other statistics of the cohort


def law_of_company(read: Callable[..., Cohort], worlds: Mapping[str, Path]) -> None:
    """A patient's record is the same in any company."""
    for window in ("bit-depth", "per-scan", (0.0, 3000.0)):
        form = ScanForm(size=8, window=window)
        whole, rest = (read(worlds[name], form=form) for name in ("as it is", "the rare patient gone"))
        assert set(rest) == {key for key in whole if key.patient_id != RARE}
        assert [key for key in rest if not np.array_equal(whole[key].pixels, rest[key].pixels)] == []


def scaled_by(low_high: Callable[[np.ndarray], tuple[float, float]]) -> Callable[..., Cohort]:
    def read(scans: Path, *, form: ScanForm) -> Cohort:
        cohort = read_cohort(scans, form=form).cohort
        low, high = low_high(np.concatenate([cohort[p].pixels.ravel() for p in cohort]))
        scaled = {p: (2 * (cohort[p].pixels - low) / (high - low) - 1).astype(np.float32) for p in cohort}
        return Cohort({p: PatientRecord(scaled[p], cohort[p].classes) for p in cohort})

    return read


WINDOWS = {
    "window at the cohort's percentiles": scaled_by(lambda pixels: tuple(np.percentile(pixels, (1, 99)))),
    "standardised by the cohort's mean and spread": scaled_by(
        lambda pixels: (pixels.mean() - pixels.std(), pixels.mean() + pixels.std())
    ),
}


def test_window_or_normalisation_from_several_patients(worlds):
    judge(lambda read: law_of_company(read, worlds), lambda scans, form: read_cohort(scans, form=form).cohort, WINDOWS)


# --- a scan of a patient under two IDs

_SPEC = importlib.util.spec_from_file_location("dicom_maker", Path(__file__).parents[1] / "formats" / "dicom_maker.py")
_MAKER = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MAKER)
FORM = ScanForm(size=8)


def law_of_two_ids(read: Callable[[Path], Reading], scans: Path) -> None:
    """The same picture under two IDs is told, however the files are written; nobody is merged or removed for it."""
    found = read(scans)
    assert {key.patient_id: len(found.cohort[key].pixels) for key in found.cohort} == {"A": 2, "B": 1, "C": 1}
    assert [notice for notice in found.notices if "pixel for pixel" in notice]


def by_uid_alone(scans: Path) -> Reading:
    class Blind(reading.SharedPictures):
        def add_digest(self, digest, patient) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "SharedPictures", Blind)
        return read_cohort(scans, form=FORM)


def copies_removed(scans: Path) -> Reading:
    found, seen, kept = read_cohort(scans, form=FORM), set(), {}
    for key, record in found.cohort.items():
        mine = {image.tobytes() for image in record.pixels}
        if not mine & seen:
            kept[key] = record
        seen |= mine
    return replace(found, cohort=Cohort(kept))


def merged(scans: Path) -> Reading:
    return read_cohort(scans, form=FORM, patient_map=PatientMap(by_id={"B": "A"}))


IDS = {"compared by UID alone": by_uid_alone, "copies removed": copies_removed, "merged without being told": merged}


def law_of_persons(patient_map: PatientMap, scans: Path) -> None:
    """Leaving out all of one person's scans moves the sum by at most C."""
    cohort = read_cohort(scans, form=FORM, patient_map=patient_map).cohort
    stranger = Cohort({PatientKey("C"): cohort[PatientKey("C")]})
    parts, keys = Parts(loss=Steep, weights=partial(toy_weights, 64)), seeded_generator_for_tests(1)
    sums = [watch(parts, fresh(scans.parent), c, training=ONE_STEP, keys=keys).sums[0] for c in (cohort, stranger)]
    assert (sums[0] - sums[1]).norm().item() <= C


class Steep(LinearLoss):
    def __call__(self, parameters, drawn):
        return 100 * super().__call__(parameters, drawn)


UNJOINED = {"two IDs left apart": PatientMap()}


def test_a_scan_of_a_patient_under_two_ids(tmp_path):
    picture = np.random.default_rng(0).integers(2000, 4096, (8, 8), dtype=np.uint16)
    scans = tmp_path / "scans"
    _MAKER.make_dicom(scans / "1", picture, PatientID="A")
    _MAKER.make_dicom(scans / "2", picture // 2, PatientID="A")
    _MAKER.make_dicom(scans / "3", 4095 - picture, PatientID="B", PhotometricInterpretation="MONOCHROME1")
    _MAKER.make_dicom(scans / "4", picture // 3, PatientID="C")
    judge(lambda read: law_of_two_ids(read, scans), partial(read_cohort, form=FORM), IDS)
    judge(lambda mapped: law_of_persons(mapped, scans), PatientMap(by_id={"B": "A"}), UNJOINED)
