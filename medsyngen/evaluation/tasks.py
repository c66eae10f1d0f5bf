"""The benchmark's tasks: fixed public numbers, and which patients are private and which test.

The binding protocol is docs/benchmarks/protocol.md. A task is a public set treated as if it were private: what is
learned on its private patients is judged on its test patients, who had no part in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.labels import ClassDefinition, check_classes
from medsyngen.cohort.transforms import ScanForm
from medsyngen.errors import InputUnusable, UsageError
from medsyngen.privacy.budget import ADJACENCY, UNIT
from medsyngen.scan import PatientKey

PROTOCOL_VERSION = 1
"""Rows of different versions don't belong into one table."""
JUDGE = "EfficientNet-lite2, ImageNet"


@dataclass(frozen=True)
class Task:
    """One task of the benchmark; public numbers.

    Args:
        name: As `--task` takes it.
        source: How the set is stored: ``npz`` (one file) or ``dicom`` (a folder).
        split: Who is a test patient. ``file``: the patients whose images all say ``test`` in the array ``split`` of the
            file; keys in both splits are private. ``order``: in the order of :func:`public_order`, the test patients
            come first, then the private ones.
        size: Pixels a side.
        classes: Two, the second is the positive one. Fidelity is computed at their shares.
        private_patients: How many patients may be learned from.
        test_patients: How many judge.
        patients_at_most: N_max for whoever takes part: a public bound on the private patients.
        lists_sha256: Of both lists (:func:`patient_lists_sha256`); empty for a task of one's own, which checks numbers
            only.
        images: So many synthetic images are scored; of more, the first ones at the declared shares.
        unit: Whose data are protected as a whole.
        adjacency: What neighbouring cohorts differ by.
        judge: The features that fidelity is computed in.
    """

    name: str
    source: Literal["npz", "dicom"]
    split: Literal["file", "order"]
    size: int
    classes: tuple[ClassDefinition, ...]
    private_patients: int
    test_patients: int
    patients_at_most: int
    lists_sha256: str
    images: int = 2000
    unit: str = UNIT
    adjacency: str = ADJACENCY
    judge: str = JUDGE

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if len(self.classes) != 2 or self.private_patients > self.patients_at_most:
            raise ValueError("a task has two classes, and no more private patients than its bound")

    @property
    def delta(self) -> float:
        """δ = 1 / (10 N_max), the largest that protects every single patient."""
        return 1.0 / (10.0 * self.patients_at_most)

    @property
    def shares(self) -> tuple[float, ...]:
        """The declared share of each class."""
        return tuple(definition.share for definition in self.classes)

    @property
    def form(self) -> ScanForm:
        """The form that scans are brought to, for learning and for judging alike."""
        return ScanForm(size=self.size, max_skipped_share=0.0)


@dataclass(frozen=True, eq=False)
class Split:
    """The patients of a task's set; no patient is in both.

    Args:
        private: To learn from.
        test: To judge with.
    """

    private: Cohort = field(repr=False)
    test: Cohort = field(repr=False)


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task(
                name="cxr-kermany",
                source="npz",
                split="file",
                size=28,
                classes=(ClassDefinition("normal", "0", 0.25), ClassDefinition("pneumonia", "1", 0.75)),
                private_patients=2846,
                test_patients=257,
                patients_at_most=2900,
                lists_sha256="f278758e06896d60e8f154adcb263d3ca0d0cddf5d3cca4aac365dd20e056530",
            ),
            Task(
                name="cxr-nih",
                source="dicom",
                split="order",
                size=28,
                classes=(ClassDefinition("normal", "0", 0.5), ClassDefinition("abnormal", "1", 0.5)),
                private_patients=200,
                test_patients=64,
                patients_at_most=200,
                lists_sha256="90c4a3b8b8bf192f7b5369a6740d00ae338576de097b2b9df5f4c97d15cf0273",
            ),
        )
    }
)


def find_task(name: str) -> Task:
    """Returns the task of this name.

    Raises:
        UsageError: There is none; the known names are given.
    """
    if name not in TASKS:
        raise UsageError(f"no task is called {name!r}", do=f"name one of: {', '.join(TASKS)}")
    return TASKS[name]


def public_order(task: Task, patient: PatientKey) -> bytes:
    """Returns what a task's patients are sorted by: SHA-256 of ``medsyngen <task name> 1:<patient ID>`` in UTF-8."""
    return hashlib.sha256(f"medsyngen {task.name} 1:{patient.patient_id}".encode()).digest()


def split_patients(task: Task, cohort: Cohort, in_test_only: frozenset[PatientKey] = frozenset()) -> Split:
    """Splits the set of a task by patient.

    Args:
        task: Whose rule applies.
        cohort: All patients of the set.
        in_test_only: For the rule ``file``: the patients all of whose images say ``test``.

    Raises:
        InputUnusable: The patients are not those of the task.
    """
    ordered = sorted(cohort, key=lambda patient: public_order(task, patient))
    if task.split == "file":
        test = [patient for patient in ordered if patient in in_test_only]
        private = [patient for patient in ordered if patient not in in_test_only]
    else:
        test, private = ordered[: task.test_patients], ordered[task.test_patients :]
    same = (len(private), len(test)) == (task.private_patients, task.test_patients)
    if not same or (task.lists_sha256 and patient_lists_sha256(private, test) != task.lists_sha256):
        raise InputUnusable(
            f"these are not the patients of {task.name}, whose lists are fixed: {task.private_patients} private and "
            f"{task.test_patients} test patients are expected, {len(private)} and {len(test)} were found",
            do="give the set that docs/benchmarks/protocol.md describes, whole and with its patient IDs",
        )
    return Split(Cohort({p: cohort[p] for p in private}), Cohort({p: cohort[p] for p in test}))


def patient_lists_sha256(private: list[PatientKey], test: list[PatientKey]) -> str:
    """Returns SHA-256 over both lists of patient IDs: sorted, a line each, an empty line between them."""
    lists = ("".join(f"{patient.patient_id}\n" for patient in sorted(part)) for part in (private, test))
    return hashlib.sha256("\n".join(lists).encode()).hexdigest()
