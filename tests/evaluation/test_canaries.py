"""Canary patients: legal records, alike within and different between, in or out by a coin and by nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.errors import UsageError
from medsyngen.evaluation.canaries import canaries_that_fit, draw_canaries
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.randomness import Streams

MIX = PhantomMix((("chest_radiograph", 0.9), ("dead_leaves", 0.1)))


def phantoms(count, rng):
    return MIX.draw(count, 16, rng)


def draw(seed=0, count=40, classes=2, scans=(2, 3, 5), source=phantoms):
    return draw_canaries(source, Streams(seed), count=count, others=6, classes=classes, scans=scans)


def test_records_are_as_a_cohort_demands():
    canaries = draw()
    for record in [*canaries.records.values(), *canaries.others.values()]:
        assert record.pixels.dtype == np.float32
        assert record.pixels.shape[1:] == (1, 16, 16)
        assert np.abs(record.pixels).max() <= 1
    assert {len(record.pixels) for record in canaries.records.values()} == {2, 3, 5}
    assert {int(c) for record in canaries.records.values() for c in record.classes} == {0, 1}
    assert all(len(set(record.classes.tolist())) == 1 for record in canaries.records.values())


def test_without_classes_all_are_of_the_null_class():
    assert {int(c) for record in draw(classes=0).records.values() for c in record.classes} == {0}


def test_the_cohort_holds_the_others_and_exactly_the_canaries_whose_coin_says_in():
    canaries = draw()
    expected = {key for key, is_in in zip(canaries.records, canaries.included, strict=True) if is_in}
    assert set(canaries.cohort()) == expected | set(canaries.others)
    assert 0 < len(expected) < len(canaries.records)


def test_scans_of_a_canary_are_alike_and_canaries_differ():
    records = list(draw(classes=0).records.values())
    firsts = [record.pixels[0].ravel() for record in records]
    within = [np.linalg.norm(r.pixels[0] - r.pixels[1]) for r in records]
    between = [np.linalg.norm(a - b) for i, a in enumerate(firsts) for b in firsts[:i]]
    assert max(within) < 0.5 * min(between)
    assert all(not np.array_equal(r.pixels[0], r.pixels[1]) for r in records)


def test_the_seed_and_nothing_else_makes_them():
    one, again, another = draw(1), draw(1), draw(2)
    assert all(np.array_equal(one.records[k].pixels, again.records[k].pixels) for k in one.records)
    assert np.array_equal(one.included, again.included)
    assert np.array_equal(one.choosing, again.choosing)
    assert not np.array_equal(one.included, another.included)


def test_coins_are_fair_and_independent_of_the_halves():
    drawn = [draw(seed, count=8, source=lambda n, rng: np.zeros((n, 1, 4, 4), np.float32)) for seed in range(300)]
    coins, halves = np.concatenate([d.included for d in drawn]), np.concatenate([d.choosing for d in drawn])
    deviation = 5 / (2 * np.sqrt(len(coins)))
    assert abs(coins.mean() - 0.5) < deviation
    assert abs(coins[halves].mean() - coins[~halves].mean()) < 3 * deviation
    by_place = np.mean([d.included for d in drawn], axis=0)
    assert np.abs(by_place - 0.5).max() < 5 / (2 * np.sqrt(len(drawn)))
    assert all(d.choosing.sum() == 4 for d in drawn)


@given(st.integers(1, 5000), st.integers(1, 500))
def test_they_never_exceed_n_max_however_the_coins_fall(patients_at_most, wanted):
    try:
        count, others = canaries_that_fit(patients_at_most, wanted)
    except UsageError:
        assert patients_at_most < 12 or wanted < 8
        return
    assert count % 2 == 0
    assert 8 <= count <= wanted
    assert count + others <= patients_at_most


def test_too_few_are_refused_with_what_to_do():
    with pytest.raises(UsageError, match="too few") as refused:
        canaries_that_fit(5, 100)
    assert "patients_at_most" in refused.value.do
