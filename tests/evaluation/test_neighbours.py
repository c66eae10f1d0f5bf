import numpy as np
import pytest

from medsyngen.evaluation.neighbours import nearest

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(40, 3))
OWNERS = np.repeat(np.arange(10), 4)[RNG.permutation(40)]
PARTS = (OWNERS >= 6).astype(np.int64)


def test_every_neighbour_is_the_one_that_a_loop_finds():
    synthetic = RNG.normal(size=(150, 3))  # more than one block
    found = nearest(synthetic, REAL, OWNERS, PARTS)
    for i, x in enumerate(synthetic):
        distances = np.linalg.norm(REAL - x, axis=1)
        first = distances.argmin()
        assert found.patient[i] == OWNERS[first]
        assert found.distance[i] == pytest.approx(distances[first])
        assert found.second[i] == pytest.approx(distances[OWNERS[first] != OWNERS].min())
        for part in (0, 1):
            assert found.image[i, part] == np.where(part == PARTS, distances, np.inf).argmin()
            assert found.apart[i, part] == pytest.approx(distances[part == PARTS].min())


def test_a_copy_stands_out_and_two_images_of_one_patient_do_not_hide_it():
    real = np.concatenate([REAL, REAL[:1]])  # the patient has the image twice
    found = nearest(REAL[:1], real, np.append(OWNERS, OWNERS[0]), np.append(PARTS, PARTS[0]))
    assert found.patient[0] == OWNERS[0]
    assert found.ratio[0] < 1e-6


def test_joined_and_some_keep_the_rows():
    one, two = (nearest(REAL[rows], REAL, OWNERS, PARTS) for rows in (slice(0, 3), slice(3, 5)))
    both = one.joined(two)
    assert len(both) == 5
    assert both.patient.tolist() == OWNERS[:5].tolist()
    assert both.some(np.array([4, 0])).patient.tolist() == OWNERS[[4, 0]].tolist()


def test_one_patient_or_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="at least two patients"):
        nearest(REAL, REAL, np.zeros(40, np.int64), PARTS)
    with pytest.raises(ValueError, match="in every part"):
        nearest(REAL, REAL, OWNERS, 2 * PARTS)
