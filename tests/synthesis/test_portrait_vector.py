"""What a patient brings to a portrait, and what is read off the noised mean."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.synthesis import portrait_reading
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.conditioning import Conditioning
from medsyngen.synthesis.picture_measures import CELLS, LAYOUT, SCALES, TONES, detail, layout, tone
from medsyngen.synthesis.portrait_reading import Reading, public_reading
from medsyngen.synthesis.portrait_vector import PortraitVector, portrait_means, shrunk

TWO = Cells(Conditioning.of(("a", "b"), (0.75, 0.25)))


def means_of(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float64).mean((1, 3))  # two rows of pixels: two numbers


READ = Reading((means_of,), np.zeros(2), np.eye(2))
VECTOR = PortraitVector(READ, TWO, 0.5)


def record(rows: list[tuple[float, float]], classes: list[int]) -> PatientRecord:
    pixels = np.repeat(np.array(rows, np.float32)[:, None, :, None], 2, axis=3)
    return PatientRecord(pixels, np.array(classes, np.int64))


def test_scans_count_alike_and_each_in_its_class():
    found = VECTOR(record([(0.2, 0.4), (0.6, 0.0), (-0.4, 0.2)], [0, 0, 1])).numpy().reshape(2, 3)
    np.testing.assert_allclose(found[0], [0.5 * 2 / 3, 0.8 / 3, 0.4 / 3], atol=1e-7)
    np.testing.assert_allclose(found[1], [0.5 / 3, -0.4 / 3, 0.2 / 3], atol=1e-7)


def test_a_scan_of_unknown_class_is_shared_between_all():
    found = VECTOR(record([(0.4, 0.8)], [2])).numpy().reshape(2, 3)
    np.testing.assert_allclose(found, [[0.375, 0.3, 0.6], [0.125, 0.1, 0.2]], atol=1e-7)


def test_no_record_can_make_it_fail_or_be_no_number():
    hostile = np.array([np.nan, np.inf, -np.inf, 3e38], np.float32).reshape(1, 1, 2, 2)
    found = VECTOR(PatientRecord(hostile, np.zeros(1, np.int64)))
    assert bool(found.isfinite().all())
    assert len(found) == VECTOR.length == 6


def test_without_noise_the_means_of_those_who_are_there_come_back():
    """N_max twice the number of patients halves the noised mean, and shares and means stay what they are."""
    rows = np.stack([VECTOR(record([(0.2, 0.4)], [0])).numpy(), VECTOR(record([(-0.6, 0.0)], [1])).numpy()])
    for patients_at_most in (2, 4):
        found = portrait_means(rows.sum(0) / patients_at_most, VECTOR, 0.0)
        np.testing.assert_allclose(found.means, [[0.2, 0.4], [-0.6, 0.0]], atol=1e-7)
        np.testing.assert_allclose(found.shares, [0.5, 0.5])


def test_a_cohort_of_nobody_has_the_phantoms_means():
    read = Reading((means_of,), np.zeros(2), np.ones((2, 30)))
    vector = PortraitVector(read, TWO, 0.5)
    noise = 0.05 * np.random.default_rng(0).standard_normal(vector.length)
    found = portrait_means(noise, vector, 0.05)
    assert np.linalg.norm(found.means) < 0.4 * np.linalg.norm(noise / (0.2 * 0.25))
    np.testing.assert_allclose(portrait_means(np.zeros(vector.length), vector, 0.05).means, 0)


@given(st.floats(0, 3), st.integers(0, 1000))
def test_shrinkage_never_turns_a_mean_round_and_helps_on_average(length: float, seed: int):
    rng = np.random.default_rng(seed)
    true = rng.standard_normal(20)
    true *= length / np.linalg.norm(true)
    seen = true + 0.3 * rng.standard_normal((400, 20))
    kept = np.stack([shrunk(each, 0.09) for each in seen])
    assert bool(((kept * seen).sum(1) >= 0).all())
    assert ((kept - true) ** 2).sum(1).mean() < ((seen - true) ** 2).sum(1).mean()


def test_the_reading_of_phantoms_has_mean_zero_and_length_one():
    phantoms = np.random.default_rng(0).uniform(-1, 1, (300, 1, 16, 16)).astype(np.float32)
    read = public_reading({"layout": layout, "tone": tone}, phantoms, 12)
    numbers = read(phantoms)
    assert numbers.shape == (300, 12)
    np.testing.assert_allclose(numbers.mean(0), 0, atol=1e-9)
    assert (numbers**2).sum(1).mean() == pytest.approx(1, rel=0.01)


def test_pictures_are_read_in_blocks_and_each_as_alone(monkeypatch: pytest.MonkeyPatch):
    """A patient of very many scans takes the memory of one block."""
    met: list[int] = []

    def noted(pixels: np.ndarray) -> np.ndarray:
        met.append(len(pixels))
        return means_of(pixels)

    read, pictures = replace(READ, measures=(noted,)), np.random.default_rng(0).uniform(-1, 1, (11, 1, 2, 2))
    whole = read(pictures)
    monkeypatch.setattr(portrait_reading, "BLOCK", 4 * 3)
    np.testing.assert_array_equal(read(pictures), whole)
    assert met == [11, 3, 3, 3, 2]
    monkeypatch.setattr(portrait_reading, "BLOCK", 1)  # less than a picture
    np.testing.assert_array_equal(read(pictures), whole)
    assert read(pictures[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("measure", "numbers"), [(detail, SCALES * (3 * CELLS**2 + 1)), (tone, TONES), (layout, LAYOUT**2)]
)
def test_a_measure_is_a_function_of_each_picture_alone(measure, numbers: int):
    pictures = np.random.default_rng(1).uniform(-1, 1, (5, 1, 28, 28)).astype(np.float32)
    found = measure(pictures)
    assert found.shape == (5, numbers)
    for row, picture in zip(found, pictures, strict=True):
        np.testing.assert_allclose(measure(picture[None])[0], row, rtol=1e-12)


def test_tone_is_a_histogram_and_detail_sees_sharpness():
    flat = np.full((1, 1, 28, 28), -1 + 2 * 3 / (TONES - 1), np.float32)
    np.testing.assert_allclose(tone(flat)[0], np.eye(TONES)[3], atol=1e-6)
    rough = flat + 0.2 * np.random.default_rng(0).standard_normal(flat.shape).astype(np.float32)
    assert (detail(rough) > detail(flat)).all()
