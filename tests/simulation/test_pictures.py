"""The simulated pictures: ranges, a coherent population, patients of their own, and a label that can be learned."""

from __future__ import annotations

import numpy as np
import pytest

from medsyngen.simulation import simulate_images
from medsyngen.simulation.anatomy import draw_anatomy, draw_pose
from medsyngen.simulation.pictures import paint, split_blocks

PATIENTS = 400


@pytest.fixture(scope="module")
def hospital() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (n, size * size), labels (n,), number of the owning patient (n,)."""
    pictures, labels = simulate_images(PATIENTS, 32, np.random.default_rng(11))
    owner = np.repeat(np.arange(PATIENTS), [len(each) for each in labels])
    return np.concatenate(pictures).reshape(len(owner), -1), np.concatenate(labels), owner


def auc(score: np.ndarray, label: np.ndarray) -> float:
    """Mann and Whitney: the chance that a positive scores above a negative."""
    rank = np.empty(len(score))
    rank[np.argsort(score)] = np.arange(1, len(score) + 1)
    positive = label == 1
    n, m = positive.sum(), (~positive).sum()
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


def test_shapes_range_and_one_to_four_scans() -> None:
    pictures, labels = simulate_images(60, 24, np.random.default_rng(0))
    assert {len(each) for each in pictures} == {1, 2, 3, 4}
    for picture, label in zip(pictures, labels, strict=True):
        assert picture.dtype == np.float32
        assert picture.shape == (len(label), 1, 24, 24)
        assert label.dtype == np.int64
        assert set(label) <= {0, 1}
        assert np.abs(picture).max() <= 1.0


def test_the_same_generator_gives_the_same_hospital() -> None:
    first, again, other = (simulate_images(20, 16, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first[1], again[1], strict=True))
    assert not np.array_equal(np.concatenate(first[0])[0], np.concatenate(other[0])[0])


def test_no_picture_occurs_twice(hospital: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    pictures, _, _ = hospital
    assert len({each.tobytes() for each in pictures}) == len(pictures)


def test_house_style(hospital: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    pictures, _, _ = hospital
    mean = pictures.mean(0).reshape(32, 32)
    surround, lung, abdomen = mean[14:18, :1].mean(), mean[12:16, 8:10].mean(), mean[29:, 8:24].mean()
    assert -0.65 < surround < -0.40
    assert -0.25 < lung < 0.10
    assert 0.55 < abdomen < 0.95
    assert mean[31, 8:24].mean() > mean[28, 8:24].mean() + 0.03  # brighter towards the bottom
    assert np.mean(np.abs(pictures) == 1.0) < 0.01  # tones are hardly ever cut off


def test_class_shares_and_most_scans_of_a_patient_agree(hospital: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    _, labels, owner = hospital
    assert 0.33 < labels.mean() < 0.50
    share = np.bincount(owner, labels) / np.bincount(owner)
    majority = np.where(share[owner] > 0.5, 1, 0)
    assert np.mean(labels == majority) > 0.85
    assert np.any((share > 0) & (share < 1))  # but not all do


def test_a_patient_looks_more_like_itself_than_like_others(
    hospital: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    pictures, labels, owner = hospital
    normal = labels == 0
    pictures, owner = pictures[normal], owner[normal]
    same = [i for i in range(len(owner) - 1) if owner[i] == owner[i + 1]]
    within = np.mean([np.square(pictures[i] - pictures[i + 1]).mean() for i in same])
    across = np.square(pictures[:-7] - pictures[7:]).mean()
    assert within < 0.75 * across


def test_a_linear_probe_learns_the_finding_on_patients_it_has_not_seen(
    hospital: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    pictures, labels, owner = hospital
    train = owner < PATIENTS // 2
    centre = pictures[train].mean(0)
    x = pictures - centre
    gram = x[train].T @ x[train] + 10.0 * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x[train].T @ (labels[train] - labels[train].mean()))
    assert auc(x[~train] @ weights, labels[~train]) > 0.8
    shuffled = np.random.default_rng(0).permutation(labels[train])
    nothing = np.linalg.solve(gram, x[train].T @ (shuffled - shuffled.mean()))
    assert auc(x[~train] @ nothing, labels[~train]) < 0.7  # the probe can fail


def test_an_opacity_changes_the_lungs_and_nothing_else() -> None:
    rng = np.random.default_rng(3)
    anatomy = draw_anatomy(8, rng)
    with_opacity = draw_pose(np.ones(8, dtype=np.int64), np.random.default_rng(4))
    without = draw_pose(np.zeros(8, dtype=np.int64), np.random.default_rng(4))
    pair = [paint(anatomy, pose, 32, np.random.default_rng(5)) for pose in (with_opacity, without)]
    change = np.abs(pair[0] - pair[1])
    assert np.all(change.max((1, 2)) > 0.25)  # clearly visible
    assert change[:, :8].max() < 0.02  # upper quarter
    assert change[:, 28:].max() < 0.02  # below the diaphragm
    assert change[:, :, 15:16].max() < 0.1  # spine


def test_blocks_cover_every_radiograph_once() -> None:
    assert np.array_equal(np.concatenate(split_blocks(5000, 32)), np.arange(5000))
    assert max(len(each) for each in split_blocks(5000, 32)) == 1024
    assert len(split_blocks(3, 4096)) == 3


@pytest.mark.parametrize(("patients", "size"), [(0, 32), (5, 8)])
def test_refuses_what_cannot_be_drawn(patients: int, size: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        simulate_images(patients, size, np.random.default_rng(0))
