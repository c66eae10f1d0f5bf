"""Guesses: chosen on one half, judged on the other; and the usual figures of an attack against other libraries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu

from medsyngen.evaluation.guessing import (
    Guessing,
    area_under_curve,
    chance_of_auc,
    choose_guessing,
    clopper_pearson,
    judge,
    true_positives_at_one_percent,
)
from medsyngen.evaluation.one_run_bound import ceiling


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def test_right_guesses_are_counted_on_both_sides():
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    included = np.array([True, False, True, True, False])
    assert Guessing(0, 2, 1).right(scores, included) == 2  # first in: right, second in: wrong, last out: right
    assert Guessing(0, 0, 2).right(scores, included) == 1
    assert Guessing(0, 5, 0).right(scores, included) == 3
    assert Guessing(0, 2, 1).guesses == 3


def test_the_filter_that_works_is_chosen():
    included = rng().random(100) < 0.5
    noise = rng(1).normal(size=100)
    chosen = choose_guessing([noise, included + 0.1 * noise, -noise], included, delta=1e-5, worth_showing=1.5)
    assert chosen.filter == 1
    assert chosen.right(included + 0.1 * noise, included) == chosen.guesses


def test_it_abstains_where_it_knows_nothing():
    """Small q: most of those in never took part, and look like those out."""
    included = rng(3).random(400) < 0.5
    took_part = included & (rng(4).random(400) < 0.3)
    chosen = choose_guessing([took_part + 1e-3 * rng(5).random(400)], included, delta=1e-5, worth_showing=1.5)
    assert abs(chosen.first - took_part.sum()) <= 25  # the counts that are tried are 11 apart
    assert chosen.last == 0


def test_as_many_guesses_as_could_show_what_is_worth_showing():
    for seed in range(5):
        included = rng(seed).random(64) < 0.5
        chosen = choose_guessing([rng(seed + 9).normal(size=64)], included, delta=1e-5, worth_showing=1.5)
        assert ceiling(64, chosen.guesses, delta=1e-5, confidence=0.95) >= 1.5
    assert choose_guessing([np.arange(8.0)], np.arange(8) > 3, delta=0.0, worth_showing=12.0).guesses <= 2


def test_perfect_scores_are_not_spoilt_by_coins_that_fall_otherwise():
    """As many "in" as were in on one half are too many on the other, in every second audit."""
    spoilt = 0
    for seed in range(100):
        one, other = rng(seed).random(64) < 0.5, rng(seed + 500).random(64) < 0.5
        chosen = choose_guessing([one + 0.01 * rng(seed).random(64)], one, delta=1e-6, worth_showing=1.5)
        assert chosen.right(one.astype(float), one) == chosen.guesses > 40
        spoilt += chosen.right(other.astype(float), other) < chosen.guesses - 1
    assert spoilt < 20


def test_where_nothing_is_refuted_the_filter_that_comes_nearest_is_chosen():
    """Few of the canaries ever took part: a filter that finds them must not lose to one that finds nothing."""
    included = rng(8).random(64) < 0.5
    some = included & (rng(9).random(64) < 0.45)
    useless, useful = rng(10).normal(size=64), some + 0.3 * rng(11).normal(size=64)
    chosen = choose_guessing([useless, useless[::-1], useful, -useless], included, delta=1e-6, worth_showing=8.0)
    assert chosen.filter == 2


def test_judging_uses_the_choice_and_nothing_of_its_own():
    """A choice made on the judged coins themselves (the mutant) finds what is not there; ours does not."""
    honest, cheating = [], []
    for seed in range(100):
        coins, scores = rng(seed).random(32) < 0.5, [rng(1000 + 10 * seed + f).normal(size=32) for f in range(6)]
        other, others = (
            rng(seed + 5000).random(32) < 0.5,
            [rng(90_000 + 10 * seed + f).normal(size=32) for f in range(6)],
        )
        ours = choose_guessing(others, other, delta=0.0, worth_showing=0.0)
        mutant = choose_guessing(scores, coins, delta=0.0, worth_showing=0.0)
        honest.append(judge(ours, scores[ours.filter], coins, delta=0.0).epsilon_95 > 0)
        cheating.append(judge(mutant, scores[mutant.filter], coins, delta=0.0).epsilon_95 > 0)
    assert np.mean(honest) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 100)
    assert np.mean(cheating) > 0.3


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_auc_is_the_share_of_ordered_pairs(points):
    scores, included = np.array([float(s) for s, _ in points]), np.array([i for _, i in points])
    pairs = [(a, b) for a, i in points if i for b, j in points if not j]
    expected = np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]) if pairs else 0.5
    assert area_under_curve(scores, included) == pytest.approx(expected)


def test_the_chance_of_an_auc_as_scipy_has_it():
    for seed, shift in ((0, 0.0), (1, 0.5), (2, -0.5)):
        there, away = rng(seed).normal(shift, 1, 30), rng(seed + 50).normal(0, 1, 40)
        expected = mannwhitneyu(there, away, alternative="greater", method="asymptotic", use_continuity=False)
        auc = area_under_curve(np.concatenate([there, away]), np.arange(70) < 30)
        assert chance_of_auc(auc, 30, 40) == pytest.approx(expected.pvalue, rel=1e-6)
    assert chance_of_auc(1.0, 0, 5) == chance_of_auc(1.0, 5, 0) == 1.0


def test_one_percent_of_false_alarms():
    scores = np.concatenate([np.arange(200.0), np.array([196.5, 197.5, 198.5, 500.0])])
    included = np.arange(204) >= 200
    # Two of 200 may be false alarms: 199 and 198. Above 197 are three of four.
    assert true_positives_at_one_percent(scores, included) == (3, 0.75)
    assert true_positives_at_one_percent(scores, np.zeros(204, bool)) == (0, 0.0)


@given(st.integers(0, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_as_scipy_has_it(counts):
    hits, trials = counts
    expected = (0.0, 1.0) if trials == 0 else binomtest(hits, trials).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, trials) == pytest.approx(tuple(expected), abs=1e-9)
