import numpy as np
import pytest

from medsyngen.evaluation.fidelity import kernel_distance
from medsyngen.evaluation.kid import FeatureSet, kid, patient_weights


def side(features, classes=None, patients=None):
    n = len(features)
    zero = np.zeros(n, np.int64)
    return FeatureSet(features, zero if classes is None else classes, np.arange(n) if patients is None else patients)


def found(x, y, shares=(1.0,), seed=0, **options):
    return kid(x, y, shares, rng=np.random.default_rng(seed), **options)


def test_without_classes_and_patients_it_is_plain_kid():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)), rng.normal(0.5, 1, size=(30, 6))
    assert found(side(x), side(y), resamples=5).value == pytest.approx(kernel_distance(x, y))


def brute(x, y, shares):
    """The definition, pair by pair."""
    k = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731

    def mean(a, b, within):
        total = 0.0
        for c, s in enumerate(shares):
            for d, t in enumerate(shares):
                values = [
                    k(a.features[i], b.features[j])
                    for i in np.flatnonzero(a.classes == c)
                    for j in np.flatnonzero(b.classes == d)
                    if not (within and a.patients[i] == b.patients[j])
                ]
                total += s * t * np.mean(values)
        return total

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


def test_classes_at_shares_and_pairs_of_a_patient_left_out_as_defined():
    rng = np.random.default_rng(1)
    x = side(rng.normal(size=(14, 5)), np.arange(14) % 2, np.arange(14) // 3)
    y = side(rng.normal(1, 1, size=(11, 5)), np.arange(11) % 2, np.arange(11) // 2)
    for shares in ((0.25, 0.75), (1.0, 0.0)):
        assert found(x, y, shares, resamples=3).value == pytest.approx(brute(x, y, shares))


def two_classes(rng, counts, apart=2.0):
    classes = np.repeat([0, 1], counts)
    return side(rng.normal(size=(len(classes), 4)) + apart * classes[:, None], classes)


def test_the_mix_of_classes_in_the_files_does_not_matter():
    """Both sides follow the same law in each class: the distance is 0 on average, however many of each there are."""
    rng = np.random.default_rng(2)
    pairs = [(two_classes(rng, (30, 10)), two_classes(rng, (10, 40))) for _ in range(60)]
    values = [found(x, y, (0.5, 0.5), resamples=2).value for x, y in pairs]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(60)
    assert np.mean([kernel_distance(x.features, y.features) for x, y in pairs]) > 10 * np.std(values)


def test_patients_with_many_images_do_not_move_it_away_from_zero():
    rng = np.random.default_rng(3)

    def clustered():
        patients = np.repeat(np.arange(20), 6)
        return side(rng.normal(size=(20, 4))[patients] + 0.1 * rng.normal(size=(120, 4)), None, patients)

    pairs = [(clustered(), clustered()) for _ in range(80)]
    values = [found(x, y, resamples=2).value for x, y in pairs]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(80)
    assert np.mean([kernel_distance(x.features, y.features) for x, y in pairs]) > 4 * np.std(values) / np.sqrt(80)


def moments(mean, variance):
    """E x, E x², E x³ of a Gaussian."""
    return np.array([mean, mean**2 + variance, mean**3 + 3 * mean * variance])


@pytest.mark.slow
def test_the_interval_covers_the_true_distance_about_as_often_as_it_says():
    rng = np.random.default_rng(4)
    # With one feature, (x y + 1)³ = 1 + 3 x y + 3 x² y² + x³ y³: KID is a distance of three moments.
    truth = np.array([3, 3, 1]) @ (moments(0, 0.25) - moments(0.35, 0.25)) ** 2
    draws = [(side(rng.normal(0, 0.5, (80, 1))), side(rng.normal(0.35, 0.5, (60, 1)))) for _ in range(200)]
    intervals = [found(x, y, resamples=200) for x, y in draws]
    values = np.array([i.value for i in intervals])
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(200)
    covered = sum(i.low <= truth <= i.high for i in intervals)
    assert 178 <= covered <= 199
    # Not by being wide: the estimate's own spread asks for about as much.
    assert np.mean([i.high - i.low for i in intervals]) < 1.5 * (2 * 1.96 * values.std())


@pytest.mark.slow
def test_the_interval_of_clustered_images_covers_too():
    """Resampling images in place of patients would give an interval half as wide."""
    rng = np.random.default_rng(5)

    def clustered(shift):
        patients = np.repeat(np.arange(25), 5)
        return side(rng.normal(shift, 1, (25, 3))[patients] + 0.2 * rng.normal(size=(125, 3)), None, patients)

    values = [found(clustered(0), clustered(0.7), resamples=200) for _ in range(60)]
    truth = np.mean([i.value for i in values])
    assert sum(i.low <= truth <= i.high for i in values) >= 50


def test_the_estimate_lies_within_and_the_same_stream_gives_the_same():
    rng = np.random.default_rng(6)
    x, y = side(rng.normal(size=(50, 3))), side(rng.normal(1, 1, size=(50, 3)))
    one, again = found(x, y, seed=1), found(x, y, seed=1)
    assert one == again
    assert one.low < one.value < one.high
    assert found(x, y, seed=1, confidence=0.5).low > one.low


def test_weights_count_patients():
    weights = patient_weights(np.array([3, 3, 9, 5]), 200, np.random.default_rng(0))
    assert weights.shape == (200, 4)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 1:].sum(1) == 3).all()


def test_one_patient_a_class_has_no_distance():
    x = side(np.zeros((4, 2)), np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]))
    with pytest.raises(ValueError, match="2 patients of every class"):
        found(x, x, (0.5, 0.5))
    assert found(x, x, (1.0, 0.0), resamples=2).value == 0
