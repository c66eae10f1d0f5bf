"""Central images: one vector a patient over all classes, public denominators, and less noise after shrinkage."""

import numpy as np
import pytest

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.central_images import CentralImages, CoarsePictures, denoised
from medsyngen.synthesis.conditioning import Conditioning

CELLS = Cells(Conditioning.of(("common", "rare"), (0.8, 0.2)))
CENTRAL = CentralImages(side=4, clipping_norm=3.0)


class Bare(GaussianSum):
    private = False

    def release(self, total, std, stream):
        return total


def patients(count: int, rare_every: int, seed: int = 0) -> Cohort:
    """The common class is dark on the left, the rare one on the right; every patient has two scans of one class."""
    rng = np.random.default_rng(seed)
    records = {}
    for i in range(count):
        rare = int(i % rare_every == 0)
        pixels = np.full((2, 1, 8, 8), 0.5, np.float32)
        pixels[..., 4 * rare : 4 * rare + 4] = -0.5
        pixels += 0.1 * rng.standard_normal(pixels.shape).astype(np.float32)
        records[PatientKey(f"p{i}")] = PatientRecord(pixels, np.full(2, rare, np.int64))
    return Cohort(records)


def noised(cohort: Cohort, sigma: float = 1.0, n_max: int = 100, mechanism=None) -> np.ndarray:
    stream = seeded_generator_for_tests(3)
    return CENTRAL.noised(
        cohort, CELLS, noise_multiplier=sigma, patients_at_most=n_max, stream=stream, mechanism=mechanism
    )


def test_each_class_has_its_own_mean_picture():
    images = noised(patients(100, 5), mechanism=Bare())
    assert images.shape == (2, 4, 4)
    np.testing.assert_allclose(images[0, :, :2], -0.5, atol=0.05)
    np.testing.assert_allclose(images[1, :, 2:], -0.5, atol=0.05)
    np.testing.assert_allclose(images[0, :, 2:], 0.5, atol=0.05)


def test_the_denominator_is_public():
    """Of half as many patients the central images are half as bright: nobody's number was counted."""
    np.testing.assert_allclose(
        noised(patients(50, 5), mechanism=Bare()), noised(patients(100, 5), mechanism=Bare()) / 2, atol=0.03
    )


def test_a_patient_of_two_classes_brings_one_vector_of_norm_c():
    """Clipped class by class, this patient would bring C in each of them."""
    both = PatientRecord(np.ones((2, 1, 8, 8), np.float32), np.array([0, 1], np.int64))
    vector = CoarsePictures(4, CELLS)(both)
    assert vector.norm().item() == pytest.approx(0.5 * np.sqrt(32))
    small = CentralImages(side=4, clipping_norm=0.5)
    images = small.noised(
        Cohort({PatientKey("p"): both}),
        CELLS,
        noise_multiplier=1.0,
        patients_at_most=1,
        stream=seeded_generator_for_tests(0),
        mechanism=Bare(),
    )
    assert np.linalg.norm(images * CELLS.shares[:, None, None]) == pytest.approx(0.5, rel=2e-3)


def test_the_noise_is_as_declared_and_larger_for_the_rare_class():
    noise = CENTRAL.noise(CELLS, noise_multiplier=2.0, patients_at_most=100)
    np.testing.assert_allclose(noise, [2 * 3 / 80, 2 * 3 / 20])
    found = CentralImages(side=64, clipping_norm=3.0).noised(
        Cohort({}), CELLS, noise_multiplier=2.0, patients_at_most=100, stream=seeded_generator_for_tests(1)
    )
    np.testing.assert_allclose(found.std(axis=(1, 2)), noise, rtol=0.1)
    assert CENTRAL.event(2.0) == Gaussian(2.0)


def test_a_scan_of_unknown_class_counts_for_all_by_their_shares():
    null = PatientRecord(np.ones((1, 1, 8, 8), np.float32), np.array([2], np.int64))
    vector = CoarsePictures(4, CELLS)(null).numpy().reshape(2, 16)
    np.testing.assert_allclose(vector[:, 0], [0.8, 0.2])


def test_shrinkage_takes_noise_off_and_leaves_clear_pictures_alone():
    truth = noised(patients(100, 5), mechanism=Bare())
    noise = np.array([0.2, 0.6])
    rng = np.random.default_rng(0)
    before, after = [], []
    for _ in range(50):
        seen = truth + noise[:, None, None] * rng.standard_normal(truth.shape)
        before.append(((seen - truth) ** 2).mean())
        after.append(((denoised(seen, noise) - truth) ** 2).mean())
    assert np.mean(after) < 0.7 * np.mean(before)
    np.testing.assert_allclose(denoised(truth, np.zeros(2)), truth, atol=1e-12)
    assert np.abs(denoised(np.zeros((2, 4, 4)), noise)).max() == 0


@pytest.mark.parametrize(("side", "norm"), [(0, 1.0), (4, 0.0), (4, float("nan"))])
def test_numbers_that_make_no_sense_are_refused(side: int, norm: float):
    with pytest.raises(ValueError, match="side and clipping_norm"):
        CentralImages(side, norm)
