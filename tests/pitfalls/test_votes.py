"""Pitfalls of votes: what a patient brings, who is counted, which noise, and what a record can change or stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from elections import MEMBERS, SIGMA
from hypothesis import given, settings
from hypothesis import strategies as st
from small_evolution import TWO_CLASSES, Flat, brightness, cohort, evolution, patient
from watched import judge

from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.votes import noisy_votes, votes_of
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.evolution import Evolution
from medsyngen.synthesis.population_tensors import to_tensors
from medsyngen.synthesis.selection import residual
from medsyngen.synthesis.voters import Voters

HALF = MEMBERS // 2  # members of the first of two classes

# --- patient in two classes votes twice


def law_of_one_vector(votes: Callable[[np.ndarray], np.ndarray]) -> None:
    """A patient moves the histogram over all classes by at most 1, whatever the scans."""

    @settings(max_examples=50, database=None)
    @given(st.lists(st.lists(st.integers(0, MEMBERS - 1), min_size=2, max_size=2), min_size=1, max_size=9))
    def holds(rows):
        assert np.linalg.norm(votes(np.array(rows))) <= 1

    holds()


def by_class(chosen: np.ndarray) -> np.ndarray:
    parts = [chosen[chosen < HALF], chosen[chosen >= HALF]]
    return sum((votes_of(part, MEMBERS) for part in parts), np.zeros(MEMBERS))


TWICE = {
    "brought to length 1 in each class": by_class,
    "a vote for each scan": lambda chosen: sum(votes_of(scan, MEMBERS) for scan in chosen),
    "divided by the number of votes' root": lambda c: np.bincount(c.ravel(), minlength=MEMBERS) / c.size**0.5,
}


def test_a_patient_in_two_classes_votes_twice():
    judge(law_of_one_vector, lambda chosen: votes_of(chosen, MEMBERS), TWICE)


# --- duplicated index doubles votes

PEOPLE = cohort(patient((0.8, 0), (0.7, 1)), patient((0.8, 0)), patient((-0.5, 1), (0.9, 0), (0.1, 2)))
SCANS = [2, 1, 3]
FOUR = Flat().at(np.array([[0.1], [0.9], [0.2], [0.8]]), np.array([0, 0, 1, 1]))


def ballots_of(rule: Evolution) -> list[int]:
    found, _ = rule.ballots(rule.candidates(0, to_tensors(FOUR)))
    return [found[key].size for key in sorted(found)]


def law_of_one_vote_a_scan(rule: Callable[[], Evolution]) -> None:
    """Every scan votes once a round, in every round."""
    made = rule()
    assert [ballots_of(made) for _ in range(3)] == [SCANS] * 3


class Joined(Evolution):
    """Tables joined by the scan's number within its class, which repeats."""

    def ballots(self, candidates):
        found, members = super().ballots(candidates)
        scans = [(key, i) for key, chosen in found.items() for i in range(chosen.size)]
        joined = [(key, found[key][i]) for key, i in scans for other, j in scans if i == j]
        return {key: np.array([vote for k, vote in joined if k == key]) for key in found}, members


class Growing(Evolution):
    """Each round appends its features to the table of the last."""

    rows = 0

    def ballots(self, candidates):
        found, members = super().ballots(candidates)
        Growing.rows += 1
        return {key: np.tile(chosen, Growing.rows) for key, chosen in found.items()}, members


def made_as(kind: type[Evolution]) -> Callable[[], Evolution]:
    return lambda: kind(**vars(evolution(PEOPLE, TWO_CLASSES)))


JOINS = {"joined by an index that repeats": made_as(Joined), "appended in every round": made_as(Growing)}


def test_a_duplicated_index_doubles_votes():
    judge(law_of_one_vote_a_scan, made_as(Evolution), JOINS)


# --- noise on members with votes only; a vote for nobody


def law_of_noise_everywhere(count: Callable[..., np.ndarray]) -> None:
    """Members without a vote get noise like any other: else the zeros tell which they are."""
    noisy = count(np.array([2]))
    assert (noisy != 0).all()
    assert len(set(noisy.tolist())) == MEMBERS


def counted(chosen: np.ndarray, release=add_gaussian_noise) -> np.ndarray:
    votes = {PatientKey("p"): chosen}
    stream = secure_generator()
    return noisy_votes(votes, members=MEMBERS, noise_multiplier=SIGMA, stream=stream, release=release)


NOWHERE = {
    "noise where votes are": lambda c: counted(c, lambda t, s, g: torch.where(t > 0, add_gaussian_noise(t, s, g), t)),
    "one draw for all members": lambda c: counted(c, lambda t, s, g: t + add_gaussian_noise(t[:1] * 0, s, g)),
}


def test_noise_on_the_members_with_votes_only():
    judge(law_of_noise_everywhere, counted, NOWHERE)


def law_of_real_members(votes: Callable[[np.ndarray], np.ndarray]) -> None:
    """The answer of a search that found too few, -1, is no vote for the last member."""
    try:
        vector = votes(np.array([0, -1]))
    except ValueError:
        return
    assert vector[-1] == 0


def indexed(chosen: np.ndarray) -> np.ndarray:
    counts = np.zeros(MEMBERS)
    counts[chosen] += 1
    return counts / np.linalg.norm(counts)


NOBODY = {"-1 counts for the last": indexed, "taken round": lambda chosen: votes_of(chosen % MEMBERS, MEMBERS)}


def test_a_vote_for_nobody_counts_for_the_last():
    judge(law_of_real_members, lambda chosen: votes_of(chosen, MEMBERS), NOBODY)


# --- features fitted to the private scans

USUAL = [patient((0.2, 0), (0.1, 0)), patient((0.4, 1)), patient((-0.3, 0))]


def law_of_own_features(of: Callable[..., Voters]) -> None:
    """One patient more changes no other patient's features, and so nobody else's votes."""
    without, with_one = of(cohort(*USUAL)), of(cohort(*USUAL, patient((1.0, 1))))
    np.testing.assert_array_equal(with_one.features[: len(without.features)], without.features)


def voters_of(people) -> Voters:
    return Voters.of(people, brightness, Cells(TWO_CLASSES))


def fitted(change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Voters]:
    def of(people) -> Voters:
        voters = voters_of(people)
        return replace(voters, features=change(voters.features))

    return of


FITTED = {
    "standardised by the cohort's mean and spread": fitted(lambda f: (f - f.mean(0)) / f.std(0)),
    "scaled to the cohort's largest": fitted(lambda f: f / np.abs(f).max()),
}


def test_features_fitted_to_the_scans():
    judge(law_of_own_features, voters_of, FITTED)


# --- populations sized as the scans have them


def law_of_public_sizes(rule: Callable[..., Evolution]) -> None:
    """The population of each class is as large as the recipe says, whoever the patients are."""
    sizes = [np.bincount(rule(people).first()["classes"].numpy(), minlength=2).tolist() for people in WORLDS]
    assert sizes == [sizes[0]] * len(WORLDS)


WORLDS = [cohort(*USUAL), cohort(USUAL[0], USUAL[2]), cohort(*USUAL, *[patient((0.1, 1))] * 5), cohort()]


def recipes_sizes(people) -> Evolution:
    return evolution(people, TWO_CLASSES)


def as_labelled(people) -> Evolution:
    labels = np.concatenate([record.classes for record in people.values()] or [np.zeros(0, np.int64)])
    counts = np.bincount(labels, minlength=2)[:2] + 1e-3
    shares = tuple((counts / counts.sum()).tolist())
    return evolution(people, replace(TWO_CLASSES, shares=(shares,)))


SIZES = {"shares of the private labels": as_labelled}


def test_populations_sized_as_the_scans_have_them():
    judge(law_of_public_sizes, recipes_sizes, SIZES)


# --- votes that stop a round


def law_of_rounds_that_end(parts: tuple[Callable, Callable]) -> None:
    """No record, no empty class and no noise stops a round, or makes a number that is none."""
    select, embed = parts
    odd = patient((0.5, 0))
    odd.pixels[:] = np.nan
    for people in (cohort(), cohort(patient((0.5, 1))), cohort(patient((0.5, 0)), odd)):
        for noise in (-9.0, 0.0, 3.0):
            try:
                rule = evolution(people, TWO_CLASSES, select=select, embed=embed, threshold=1.0)
                state = rule.first()
                rule.ballots(rule.candidates(0, state))
                after = rule.elected(0, state, np.full(40, noise))
            except (KeyError, ValueError, ZeroDivisionError, FloatingPointError) as error:
                raise AssertionError(f"stopped: {error}") from error
            assert len(after["classes"]) == 40


def as_published(noisy, threshold, rng):
    """Clip, normalise, draw: divides by zero where all votes are below the threshold."""
    above = np.maximum(noisy - threshold, 0)
    if not above.any():
        raise ZeroDivisionError("probabilities contain NaN")
    return rng.choice(len(noisy), len(noisy), p=above / above.sum())


def refuses(pixels):
    if not np.isfinite(pixels).all():
        raise ValueError("image with NaN")
    return brightness(pixels)


STOPS = {"all weights zero": (as_published, brightness), "an image is refused": (residual, refuses)}


def test_votes_that_stop_a_round():
    judge(law_of_rounds_that_end, (residual, brightness), STOPS)
