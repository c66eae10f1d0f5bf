"""Who votes for whom, what lives on, and that populations come from noisy votes and public numbers alone."""

from __future__ import annotations

import numpy as np
from small_evolution import NO_CLASS, TWO_CLASSES, Flat, brightness, cohort, evolution, patient

from medsyngen.privacy.votes import votes_of
from medsyngen.randomness import Streams
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.evolution import drawn_from
from medsyngen.synthesis.population_tensors import from_tensors, to_tensors
from medsyngen.synthesis.variation import Population
from medsyngen.synthesis.voters import Voters


def population(places: list[float], classes: list[int]) -> Population:
    return Flat().at(np.array(places)[:, None], np.array(classes, np.int64))


def ballots(of, members: Population, conditioning=NO_CLASS, **numbers):
    rule = evolution(of, conditioning, **numbers)
    found, count = rule.ballots(rule.candidates(0, to_tensors(members)))
    assert count == len(members)
    return {patient.patient_id: sorted(chosen.tolist()) for patient, chosen in found.items()}


def test_scans_vote_for_the_nearest_member_of_their_own_class_and_unlabelled_ones_for_any():
    members = population([0.1, 0.9, 0.2, 0.95], [0, 0, 1, 1])  # brightness -.8, .8, -.6, .9
    people = cohort(patient((0.85, 0)), patient((0.88, 1), (-0.9, 0)), patient((0.88, 2), (-0.65, 2)))
    assert ballots(people, members, TWO_CLASSES) == {"p000": [1], "p001": [0, 3], "p002": [2, 3]}


def test_every_scan_votes_for_as_many_neighbours_as_there_may_be():
    members = population([0.1, 0.5, 0.9], [0, 1, 1])
    people = cohort(patient((0.7, 1)), patient((-0.9, 0)))
    assert ballots(people, members, TWO_CLASSES, neighbours=2) == {"p000": [1, 2], "p001": [0]}


def test_lookahead_judges_members_by_the_mean_of_their_variations():
    """Variations of a member at the border all lie on one side of it."""
    members = population([0.0, 0.5], [0, 0])
    rule = evolution(cohort(patient((0.0, 0))), lookahead=200, degrees=(0.4,))
    seen, _ = rule.candidates(0, to_tensors(members))
    np.testing.assert_allclose(seen[:, 0], [2 * 0.1 - 1, 0.0], atol=0.08)  # 0.4 x mean of max(0, uniform) = 0.1
    alone, _ = evolution(cohort(patient((0.0, 0)))).candidates(0, to_tensors(members))
    np.testing.assert_allclose(alone[:, 0], [-1.0, 0.0])


def test_what_is_no_number_stops_nothing_and_changes_nobody_elses_vote():
    odd = patient((0.1, 0))
    odd.pixels[:] = np.nan
    members = population([0.1, 0.9], [0, 0])
    with_it, without = cohort(patient((0.8, 0)), odd), cohort(patient((0.8, 0)))
    assert ballots(with_it, members)["p000"] == ballots(without, members)["p000"] == [1]
    assert len(ballots(with_it, members)["p001"]) == 1


def test_a_patients_features_are_of_this_patient_alone():
    """An embedding that looks at its batch must not see two patients in one."""
    widest = []

    def embed(pixels):
        widest.append(len(pixels))
        return brightness(pixels) - pixels.mean()  # a normalisation over the batch

    people = [patient((0.1, 0), (0.5, 0)), patient((0.9, 0))]
    voters = Voters.of(cohort(*people), embed, Cells(NO_CLASS))
    alone = Voters.of(cohort(people[0]), embed, Cells(NO_CLASS))
    np.testing.assert_array_equal(voters.features[:2], alone.features)
    assert max(widest) == 2


def test_without_patients_nobody_votes():
    assert ballots(cohort(), population([0.1, 0.9], [0, 0])) == {}


def test_the_next_population_is_a_function_of_noisy_votes_and_public_numbers():
    """Of two cohorts with the same noisy votes, the same images come out, to the last bit."""
    one, other = (evolution(people) for people in (cohort(patient((0.5, 0))), cohort(*[patient((-0.5, 0))] * 7)))
    noisy = np.random.default_rng(1).normal(size=40)
    for left, right in zip(
        to_bytes(one.elected(0, one.first(), noisy)), to_bytes(other.elected(0, other.first(), noisy)), strict=True
    ):
        assert left == right


def to_bytes(tensors):
    return [value.numpy().tobytes() for value in tensors.values()]


def test_only_members_with_votes_live_on_and_the_last_round_leaves_them_as_they_are():
    rule = evolution(cohort(), TWO_CLASSES, degrees=(0.1, 0.1))
    first = rule.first()
    before = from_tensors(first)
    assert np.bincount(before.classes).tolist() == [30, 10]
    noisy = np.zeros(40)
    noisy[[3, 35]] = 5.0
    for number, degree in ((0, 0.1), (1, 0.0)):
        after = from_tensors(rule.elected(number, first, noisy))
        assert np.bincount(after.classes).tolist() == [30, 10]  # classes never mix, whatever the votes
        moved = after.places[:, 0] - before.places[np.where(after.classes == 0, 3, 35), 0]
        assert np.abs(moved).max() <= degree
        assert (np.ptp(moved) > 0) == (number == 0)


def test_it_evolves_towards_the_patients():
    """Without noise, all patients of one brightness: the population comes to them."""
    rule = evolution(cohort(*[patient((0.6, 0))] * 30), degrees=(0.3, 0.1, 0.03, 0.01))
    state = rule.first()
    started = np.abs(from_tensors(state).places - 0.8).mean()
    for number in range(rule.rounds):
        found, members = rule.ballots(rule.candidates(number, state))
        state = rule.elected(number, state, sum(votes_of(chosen, members) for chosen in found.values()))
    ended = np.abs(from_tensors(state).places - 0.8).mean()
    assert started > 0.2
    assert ended < 0.05


def test_every_member_is_drawn_from_once_before_any_is_again():
    members = population([0.1, 0.2, 0.3, 0.9], [0, 0, 0, 1])
    cells = np.array([0, 1, 0, 0, 0, 1, 0, 0])
    rows = drawn_from(members, cells, Streams(3))
    assert (members.classes[rows] == cells).all()
    assert sorted(rows[cells == 0][:3]) == sorted(rows[cells == 0][3:]) == [0, 1, 2]
    np.testing.assert_array_equal(drawn_from(members, cells[:5], Streams(3)), rows[:5])


def test_the_population_survives_as_tensors_bit_for_bit():
    members = population([0.1, 1 / 3], [0, 1])
    for with_places in (members, Population(members.pixels, members.classes)):
        again = from_tensors(to_tensors(with_places))
        np.testing.assert_array_equal(again.pixels, members.pixels)
        assert (again.places is None) == (with_places.places is None)
