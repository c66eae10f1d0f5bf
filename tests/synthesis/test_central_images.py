"""Central images: one vector a patient over all classes, read along phantoms' directions; drawings that follow them."""

import dataclasses

import numpy as np
import pytest
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.patient_sum import noised_mean
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.central_images import (
    CentralImages,
    OwnMeans,
    axes,
    flat,
    from_tensors,
    shift_between,
    to_tensors,
)
from medsyngen.synthesis.conditioning import Conditioning

CELLS = Cells(Conditioning.of(("common", "rare"), (0.8, 0.2)))
CENTRAL = CentralImages(entries=6, clipping_norm=50.0, phantoms=200)


class Bare(GaussianSum):
    private = False

    def release(self, total, std, stream):
        return total


def pictures(count: int, seed: int) -> np.ndarray:
    """Smooth pictures of 8 x 8 pixels that vary in six ways."""
    rng = np.random.default_rng(seed)
    ways = np.random.default_rng(0).standard_normal((6, 64))
    return np.tanh(0.2 * rng.standard_normal((count, 6)) @ ways).astype(np.float32).reshape(count, 1, 8, 8)


def patients(count: int, rare_every: int) -> Cohort:
    """Two scans each of one class; the rare one is darker."""
    images = pictures(2 * count, 1).reshape(count, 2, 1, 8, 8)
    records = {}
    for i in range(count):
        rare = int(i % rare_every == 0)
        records[PatientKey(f"p{i}")] = PatientRecord(
            images[i] * 0.8 - np.float32(0.2 * rare), np.full(2, rare, np.int64)
        )
    return Cohort(records)


def wanted(cohort: Cohort, n_max: int, sigma: float = 1e-9) -> np.ndarray:
    vector = CENTRAL.vector(pictures(200, 2), CELLS)
    mean = noised_mean(
        cohort,
        vector,
        entries=vector.length,
        clipping_norm=CENTRAL.clipping_norm,
        noise_multiplier=sigma,
        patients_at_most=n_max,
        stream=seeded_generator_for_tests(3),
        mechanism=Bare() if sigma < 1e-6 else None,
    )
    return CENTRAL.wanted(mean.numpy(), vector, sigma * CENTRAL.clipping_norm / n_max)


def test_without_noise_they_are_the_means_along_the_directions():
    cohort = patients(100, 5)
    vector = CENTRAL.vector(pictures(200, 2), CELLS)
    for c, mine in enumerate(wanted(cohort, 100)):
        images = np.concatenate([r.pixels for r in cohort.values() if r.classes[0] == c])
        expected = ((flat(images) - vector.read.centre) @ axes(vector.read)[0]).mean(axis=0)
        np.testing.assert_allclose(mine, expected, atol=1e-6)


def test_fewer_patients_than_n_max_leave_the_means_where_they_are():
    np.testing.assert_allclose(wanted(patients(100, 5), 100), wanted(patients(100, 5), 300), atol=1e-6)


def test_much_noise_leaves_the_phantoms_mean():
    assert np.abs(wanted(patients(10, 5), 10, sigma=1e3)).max() < np.abs(wanted(patients(10, 5), 10)).max() / 2


def test_numbers_of_phantoms_have_the_variances_that_shrinkage_takes_them_to_have():
    read = CENTRAL.vector(pictures(2000, 2), CELLS).read
    lengths = axes(read)[1]
    np.testing.assert_allclose(read(pictures(2000, 2)).var(axis=0), lengths**-2.0 / (lengths**-2.0).sum(), rtol=2e-3)


def test_directions_are_orthonormal_and_numbers_of_phantoms_have_length_one():
    read = CENTRAL.vector(pictures(200, 2), CELLS).read
    directions, _ = axes(read)
    np.testing.assert_allclose(directions.T @ directions, np.eye(6), atol=1e-6)
    assert np.sqrt((read(pictures(200, 2)) ** 2).sum(axis=1).mean()) == pytest.approx(1.0, rel=5e-3)


def test_own_means_and_covariance_are_those_of_each_class():
    read = CENTRAL.vector(pictures(200, 2), CELLS).read
    drawn, cells = pictures(60, 4), np.arange(60) % 2
    own = OwnMeans.of(drawn, cells, read)
    places = (flat(drawn) - read.centre) @ axes(read)[0]
    np.testing.assert_allclose(own.means[1], places[1::2].mean(axis=0))
    within = (np.cov(places[::2].T, bias=True) + np.cov(places[1::2].T, bias=True)) / 2
    np.testing.assert_allclose(own.covariance, within)


def test_a_shift_comes_back_from_its_tensors():
    read = CENTRAL.vector(pictures(200, 2), CELLS).read
    shift = shift_between(OwnMeans.of(pictures(20, 4), np.arange(20) % 2, read), np.ones((2, 6)), read)
    back = from_tensors({**to_tensors(shift), "public.x": torch.zeros(1)})
    assert back is not None
    for field in dataclasses.fields(shift):
        assert torch.equal(getattr(back, field.name), getattr(shift, field.name))
    assert from_tensors({"public.x": torch.zeros(1)}) is None


@pytest.mark.parametrize("name", ["entries", "clipping_norm", "share_weight", "phantoms", "drawn", "rounds"])
def test_numbers_that_can_not_be_are_refused(name: str):
    with pytest.raises(ValueError, match=name):
        CentralImages(**{name: 0})


def test_no_more_entries_than_phantoms():
    with pytest.raises(ValueError, match="fewer than phantoms"):
        CentralImages(entries=10, phantoms=10)
