"""The audit of votes and sums: wrong implementations are called so, the right one is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from medsyngen.evaluation.attacked_sums import CANARY, AttackedSum, attacked_sum, attacked_votes
from medsyngen.evaluation.auditing_sums import SumAudit, audit_sum
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.patient_sum import noised_mean
from medsyngen.privacy.votes import noisy_votes, votes_of
from medsyngen.randomness import seeded_generator_for_tests

SIGMA, SIZES, ENTRIES = 0.8, (6, 4), 12


def audited(attacked: AttackedSum, repeats: int = 1000, seed: int = 1) -> SumAudit:
    return audit_sum(attacked, epsilon=7.0, delta=1e-5, repeats=repeats, keys=seeded_generator_for_tests(seed))


def of_votes(votes: Callable = noisy_votes) -> AttackedSum:
    return attacked_votes(SIZES, noise_multiplier=SIGMA, rounds=1, votes=votes)


def of_sum(mean: Callable = noised_mean) -> AttackedSum:
    numbers = {"classes": 2, "entries": ENTRIES, "clipping_norm": 1.2, "patients_at_most": 50}
    return attacked_sum(**numbers, noise_multiplier=SIGMA, mean=mean)


def only_where_something_is(total, std, stream):
    return torch.where(total != 0, add_gaussian_noise(total, std, stream), total)


def votes_without_noise_on_empty_bins(nearest, **more):
    return noisy_votes(nearest, **{"release": only_where_something_is, **more})


def votes_with_a_tenth_of_the_noise(nearest, *, noise_multiplier, **more):
    return noisy_votes(nearest, noise_multiplier=noise_multiplier / 10, **more)


def votes_normalised_class_by_class(nearest, *, members, noise_multiplier, stream, release=add_gaussian_noise):
    total = np.zeros(members)
    for chosen in nearest.values():
        total += votes_of(chosen[chosen < SIZES[0]], members) + votes_of(chosen[chosen >= SIZES[0]], members)
    return release(torch.from_numpy(total), noise_multiplier, stream).numpy()


class NoNoiseOnEmpty(GaussianSum):
    def release(self, total, std, stream):
        return only_where_something_is(total, std, stream)


class Unclipped(GaussianSum):
    def factors(self, gradients, clipping_norm):
        return torch.ones(len(gradients), dtype=torch.float64)


def sum_with(wrong: GaussianSum) -> Callable:
    return lambda *a, mechanism, **more: noised_mean(*a, mechanism=mechanism or wrong, **more)


def sum_with_a_tenth_of_the_noise(*a, noise_multiplier, **more):
    return noised_mean(*a, noise_multiplier=noise_multiplier / 10, **more)


def sum_clipped_class_by_class(cohort, vector, *, entries, stream, **more):
    half = entries // 2
    parts = (lambda record: vector(record)[:half]), (lambda record: vector(record)[half:])
    streams = stream.child(b"one"), stream.child(b"other")
    return torch.cat(
        [noised_mean(cohort, part, entries=half, stream=own, **more) for part, own in zip(parts, streams, strict=True)]
    )


WRONG = {
    "votes, no noise on empty bins": of_votes(votes_without_noise_on_empty_bins),
    "votes, a tenth of the noise": of_votes(votes_with_a_tenth_of_the_noise),
    "votes, normalised class by class": of_votes(votes_normalised_class_by_class),
    "sum, no noise on empty entries": of_sum(sum_with(NoNoiseOnEmpty())),
    "sum, a tenth of the noise": of_sum(sum_with_a_tenth_of_the_noise),
    "sum, clipped class by class": of_sum(sum_clipped_class_by_class),
    "sum, not clipped": of_sum(sum_with(Unclipped())),
}


TAKES_LONG = "sum, clipped class by class"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == TAKES_LONG else name for name in WRONG]
)
def test_what_is_wrong_is_a_violation(name: str):
    found = audited(WRONG[name], repeats=1000 if "class by class" in name else 200)
    assert found.verdict == "VIOLATION"
    assert found.mu_999 > found.mu


@pytest.mark.parametrize("attacked", [of_votes(), of_sum()], ids=["votes", "sum"])
def test_what_is_right_is_consistent_and_the_attack_near_what_is_claimed(attacked: AttackedSum):
    found = audited(attacked, repeats=500)
    assert found.verdict == "consistent"
    assert 0.4 * found.mu < found.mu_999 < found.mu_95 < found.mu
    assert found.powerful
    assert found.to_json()["attack"]["epsilon_999"] < found.at(found.mu)


def test_classes_of_one_entry_each_are_attacked_in_all_of_them():
    attacked = attacked_sum(
        classes=2, entries=2, clipping_norm=1.2, noise_multiplier=SIGMA, patients_at_most=50, mean=noised_mean
    )
    np.testing.assert_allclose(attacked.direction, [0.5**0.5, 0.5**0.5])
    inside, outside = attacked.statistics(300, seeded_generator_for_tests(5))
    assert inside.mean() - outside.mean() == pytest.approx(attacked.claimed, abs=0.35)


@pytest.mark.parametrize(("classes", "entries"), [(1, 5), (2, 12), (3, 123)])
def test_the_canary_has_something_in_every_class_and_the_others_nothing_there(classes, entries):
    attacked = attacked_sum(
        classes=classes, entries=entries, clipping_norm=1.2, noise_multiplier=SIGMA, patients_at_most=50
    )
    assert (np.abs(attacked.direction.reshape(classes, -1)).max(axis=1) > 0).all()
    assert np.linalg.norm(attacked.direction) == pytest.approx(1)
    assert attacked.others @ attacked.direction == 0
    assert np.linalg.norm(attacked.others) > 1


@pytest.mark.parametrize("patients", [1, 2, 5, 7])
def test_few_patients_at_most_are_enough_for_an_attack(patients):
    attacked = attacked_sum(
        classes=2, entries=ENTRIES, clipping_norm=1.2, noise_multiplier=SIGMA, patients_at_most=patients
    )
    keys = seeded_generator_for_tests(6)
    assert attacked.statistic(True, keys.child(b"in"), noise=False) == pytest.approx(attacked.claimed, rel=0.01)
    assert attacked.statistic(False, keys.child(b"out"), noise=False) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("attacked", [of_votes(), of_sum()], ids=["votes", "sum"])
def test_the_statistic_is_the_best_there_is(attacked: AttackedSum):
    """It has the mean that is claimed, and unit variance in both worlds."""
    inside, outside = attacked.statistics(500, seeded_generator_for_tests(3))
    assert inside.mean() == pytest.approx(attacked.claimed, abs=0.2)
    assert outside.mean() == pytest.approx(0, abs=0.2)
    assert [inside.std(), outside.std()] == pytest.approx([1, 1], abs=0.12)


def test_rounds_count_together():
    four = attacked_votes((3,), noise_multiplier=2 * SIGMA, rounds=4)
    assert four.claimed == pytest.approx(of_votes().claimed)
    inside, _ = four.statistics(200, seeded_generator_for_tests(4))
    assert inside.mean() == pytest.approx(four.claimed, abs=0.3)


@pytest.mark.parametrize("repeats", [1, 2, 10])
def test_too_few_runs_are_no_evidence(repeats):
    """And are told so: the control has as many runs as ever, and finds the canary."""
    found = audited(of_sum(), repeats=repeats)
    assert found.verdict == "uninformative"
    assert found.powerful
    assert f"{repeats} runs could hardly have shown more" in found.explanation


def test_an_attack_that_finds_nothing_without_noise_is_no_evidence():
    def forgets(nearest, **more):
        return noisy_votes({key: value for key, value in nearest.items() if key != CANARY}, **more)

    found = audited(of_votes(forgets), repeats=50)
    assert not found.powerful
    assert found.verdict == "uninformative"
    assert "does not even find the canary" in found.explanation
