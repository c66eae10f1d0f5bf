from pathlib import Path

import numpy as np
import pytest
from bench_pieces import task

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import InputUnusable, UsageError
from medsyngen.evaluation.tasks import (
    TASKS,
    find_task,
    patient_lists_sha256,
    public_order,
    split_patients,
)
from medsyngen.privacy.budget import checked_delta
from medsyngen.scan import PatientKey

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "protocol.md"


def cohort(n: int) -> Cohort:
    record = PatientRecord(np.zeros((1, 1, 16, 16), np.float32), np.zeros(1, np.int64))
    return Cohort({PatientKey(f"P{i:03d}"): record for i in range(n)})


@pytest.mark.parametrize("name", TASKS)
def test_the_published_tasks_are_sound(name):
    one = find_task(name)
    assert checked_delta(one.delta, one.patients_at_most) == one.delta == 1 / (10 * one.patients_at_most)
    assert one.private_patients <= one.patients_at_most
    assert one.unit == "patient"
    assert len(one.lists_sha256) == 64
    assert sum(one.shares) == 1


@pytest.mark.parametrize("name", TASKS)
def test_the_protocol_page_states_the_numbers_of_the_program(name):
    one, page = TASKS[name], PROTOCOL.read_text()
    stated = [name, one.lists_sha256, f"{one.size} × {one.size}", f"{one.patients_at_most:,}"]
    stated += [f"{one.private_patients:,}", f"{one.test_patients:,}", *(each.name for each in one.classes)]
    assert [text for text in stated if text not in page] == []


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="'cxr'") as caught:
        find_task("cxr")
    assert "cxr-kermany" in caught.value.do


def test_the_rule_of_the_file_leaves_every_other_patient_private():
    one = task(private_patients=5, test_patients=3)
    everyone = cohort(8)
    in_test = frozenset(list(everyone)[:3])
    split = split_patients(one, everyone, in_test)
    assert set(split.test) == in_test
    assert set(split.private) == set(everyone) - in_test


def test_the_public_order_is_a_hash_that_anyone_can_compute():
    import hashlib

    one = task(split="order", private_patients=6, test_patients=2)
    split = split_patients(one, cohort(8))
    by_hand = sorted(
        (f"P{i:03d}" for i in range(8)), key=lambda p: hashlib.sha256(f"medsyngen small 1:{p}".encode()).hexdigest()
    )
    assert [p.patient_id for p in (*split.test, *split.private)] == by_hand
    assert public_order(one, PatientKey("P000")).hex() == hashlib.sha256(b"medsyngen small 1:P000").hexdigest()


@pytest.mark.parametrize("n", [7, 9])
def test_other_numbers_of_patients_are_refused_without_a_name(n):
    with pytest.raises(InputUnusable, match="not the patients of small") as caught:
        split_patients(task(split="order", private_patients=6, test_patients=2), cohort(n))
    assert "P00" not in caught.value.what + caught.value.do


def test_as_many_but_other_patients_are_refused():
    one = task(split="order", private_patients=6, test_patients=2)
    split = split_patients(one, cohort(8))
    digest = patient_lists_sha256(list(split.private), list(split.test))
    fixed = task(split="order", private_patients=6, test_patients=2, lists_sha256=digest)
    split_patients(fixed, cohort(8))
    others = Cohort({PatientKey(f"Q{i}"): cohort(1)[PatientKey("P000")] for i in range(8)})
    with pytest.raises(InputUnusable, match="not the patients"):
        split_patients(fixed, others)
    moved = patient_lists_sha256([*split.private, *list(split.test)[:1]], list(split.test)[1:])
    assert moved != digest


def test_a_task_that_contradicts_itself_is_no_task():
    for changes in ({"patients_at_most": 39}, {"classes": task().classes[:1]}):
        with pytest.raises((ValueError, UsageError)):
            task(**changes)
