import numpy as np
import pytest
from bench_pieces import PRIVATE, TEST, task, write_set

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import InputUnusable
from medsyngen.evaluation.real_images import images_of, read_split, real_images
from medsyngen.evaluation.tasks import TASKS, Split
from medsyngen.scan import PatientKey


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("set") / "set.npz")


@pytest.fixture(scope="module")
def split(npz):
    return read_split(task(), npz)


def test_keys_in_both_splits_are_private(split):
    assert {p.patient_id for p in split.private} == {f"P{i:03d}" for i in range(PRIVATE)}
    assert {p.patient_id for p in split.test} == {f"P{i:03d}" for i in range(PRIVATE, PRIVATE + TEST)}


def test_the_pixels_are_those_that_fit_reads(npz, split):
    with np.load(npz) as arrays:
        own = arrays["patient_id"] == "P005"
        expected = arrays["images"][own] / 127.5 - 1
    np.testing.assert_allclose(split.private[PatientKey("P005")].pixels[:, 0], expected, atol=1e-6)


def test_halves_share_no_patient_and_stand_at_the_declared_shares(split):
    real = real_images(task(), split)
    assert not set(map(bytes, real.half.pixels)) & set(map(bytes, real.other_half.pixels))
    assert real.half.per_class(2) == real.other_half.per_class(2)
    normal, opacity = real.half.per_class(2)
    assert abs(normal - opacity) <= 1
    assert len(real.half) <= task().images
    assert len(real.test) == sum(len(record.classes) for record in split.test.values())


def test_at_most_so_many_and_one_of_each_patient_first(split):
    real = real_images(task(images=10), split)
    assert len(real.half) == len(real.other_half) == 10
    assert len(set(real.half.patients.tolist())) >= 9


def test_images_without_a_class_of_the_task_are_left_out():
    record = PatientRecord(np.zeros((3, 1, 16, 16), np.float32), np.array([0, 2, 1]))
    found = images_of(Cohort({PatientKey("a"): record, PatientKey("b"): record}), 2)
    assert found.classes.tolist() == [0, 1, 0, 1]
    assert found.patients.tolist() == [0, 0, 1, 1]
    with pytest.raises(InputUnusable, match="no real image carries a label"):
        images_of(Cohort({PatientKey("a"): PatientRecord(record.pixels[:1], np.array([2]))}), 2)
    with pytest.raises(InputUnusable, match="no real image"):
        images_of(Cohort({}), 2)


def test_a_class_missing_among_the_test_patients_is_refused(split):
    normal = {p: r for p, r in split.test.items() if not r.classes.any()}
    with pytest.raises(InputUnusable, match="hardly any"):
        real_images(task(), Split(split.private, Cohort(normal)))


def test_a_set_without_split_or_with_other_patients_is_refused(npz, tmp_path):
    with np.load(npz) as arrays:
        kept = {name: arrays[name] for name in arrays if name != "split"}
    np.savez(tmp_path / "a.npz", **kept)
    with pytest.raises(InputUnusable, match="array `split`"):
        read_split(task(), tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **kept, split=np.full(len(kept["label"]), "train"))
    with pytest.raises(InputUnusable, match="not the patients of small"):
        read_split(task(), tmp_path / "b.npz")


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "place", "images", "test"),
    [
        ("cxr-kermany", "kermany_cxr64/kermany_cxr64.npz", 2000, [234, 70]),
        ("cxr-nih", "nih_cxr_dicom", 366, [110, 65]),
    ],
)
def test_the_published_lists_are_those_of_the_published_sets(name, place, images, test, real_data):
    real = real_images(TASKS[name], read_split(TASKS[name], real_data / place))
    assert (len(real.half), real.test.per_class(2)) == (images, test)
