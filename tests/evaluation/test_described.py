import numpy as np
import pytest
from evaluated_pieces import CLASSES, TWO

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import InputUnusable
from medsyngen.evaluation.cohort_images import read_cohort_images
from medsyngen.evaluation.described import NULL, DescribedImages, of_columns, of_patients, public_order
from medsyngen.evaluation.remembered import Remembered
from medsyngen.formats.png import write_png
from medsyngen.scan import PatientKey
from medsyngen.synthesis.conditioning import Conditioning

KEYS = [PatientKey("a"), PatientKey("b")]


def record(classes):
    return PatientRecord(np.zeros((len(classes), 1, 4, 4), np.float32), np.array(classes, np.int64))


def test_rows_of_the_one_table_become_values_of_each_attribute():
    # finding has the rows 0, 1 and its null 2; sex 3, 4 and its null 5
    cohort = Cohort(dict(zip(KEYS, (record([(0, 4), (2, 3)]), record([(1, 5)])), strict=True)))
    found = of_patients(cohort, KEYS, TWO)
    assert found.values.tolist() == [[0, 1], [NULL, 0], [1, NULL]]
    assert found.patients.tolist() == [0, 0, 1]
    assert found.by(0).classes.tolist() == [0, 1]
    assert found.by(0).patients.tolist() == [0, 1]
    assert found.by(1).classes.tolist() == [1, 0]
    assert found.having(1, 0).values.tolist() == [[NULL, 0]]
    assert found.as_one().classes.tolist() == [0, 0, 0]


def test_one_class_column_and_none_at_all():
    cohort = Cohort(dict(zip(KEYS, (record([0, 2]), record([1])), strict=True)))
    assert of_patients(cohort, KEYS, CLASSES).values.tolist() == [[0], [NULL], [1]]
    without = Cohort(dict(zip(KEYS, (record([0, 0]), record([0])), strict=True)))
    assert of_patients(without, KEYS, Conditioning.of((), ())).values.tolist() == [[NULL]] * 3


def test_columns_of_drawings_go_by_name():
    pixels = np.zeros((3, 1, 4, 4), np.float32)
    found = of_columns(pixels, {"finding": ("opacity", "", "normal"), "sex": ("f", "m", "x")}, TWO)
    assert found.values.tolist() == [[1, 0], [NULL, 1], [0, NULL]]
    assert found.patients.tolist() == [0, 1, 2]


def test_the_order_of_patients_is_that_of_no_file():
    names = [PatientKey(f"{i:03d}") for i in range(50)]
    ordered = public_order(names)
    assert set(ordered) == set(names)
    assert ordered != names
    assert public_order(list(reversed(names))) == ordered


def test_features_are_computed_once_an_image():
    asked = []

    def features(pixels):
        asked.append(len(pixels))
        return pixels.reshape(len(pixels), -1).astype(np.float64)

    remembered, images = Remembered(features), np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1)
    np.testing.assert_array_equal(remembered(images)[:, 0], np.arange(6))
    np.testing.assert_array_equal(remembered(images[[5, 0, 5]])[:, 0], [5, 0, 5])
    np.testing.assert_array_equal(remembered(np.concatenate([images, images + 6]))[:, 0], np.arange(12))
    assert asked == [6, 6]


def test_a_row_of_values_is_needed_for_each_image():
    with pytest.raises(ValueError, match="a row of values"):
        DescribedImages(np.zeros((2, 1, 4, 4), np.float32), np.zeros((3, 1), np.int64), np.zeros(2, np.int64))


def test_a_cohort_comes_back_as_it_was_written(tmp_path):
    (tmp_path / "png").mkdir()
    pixels = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8)).astype(np.float32)
    for i, image in enumerate(pixels):
        write_png(tmp_path / "png" / f"{i}.png", image[None], bits=16)
    rows = ["synthetic_patient_id,png,finding,sex", "a,png/0.png,normal,m", "b,png/1.png,opacity,", "c,png/2.png,,f"]
    (tmp_path / "cohort.csv").write_text("\n".join(rows))
    found = read_cohort_images(tmp_path, TWO, size=8)
    assert found.values.tolist() == [[0, 1], [1, NULL], [NULL, 0]]
    np.testing.assert_allclose(found.pixels[:, 0], pixels, atol=4e-5)
    with pytest.raises(InputUnusable, match="smaller than the recipe's"):
        read_cohort_images(tmp_path, TWO, size=16)
    (tmp_path / "png" / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputUnusable, match="can't be read") as refused:
        read_cohort_images(tmp_path, TWO, size=8)
    assert refused.value.details == ("png/1.png",)
    (tmp_path / "cohort.csv").write_text("dicom\na.dcm")
    with pytest.raises(InputUnusable, match="no column `png`"):
        read_cohort_images(tmp_path, TWO, size=8)
    with pytest.raises(InputUnusable, match="no cohort of medsyngen"):
        read_cohort_images(tmp_path / "png", TWO, size=8)
