"""Votes shared between processes are those of one, to the last bit; the others get records and members, and no key."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_evolution import TWO_CLASSES, brightness, cohort, evolution, patient

from medsyngen.cohort.cohort import Cohort
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.votes import votes_of
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.population_tensors import from_tensors
from medsyngen.synthesis.voters import SharedVoters, Voters, end_votes, serve_votes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
from elections import Recorder
from votes_job import CPU, METHOD, TARGET, evolved
from wired import together

CELLS = Cells(TWO_CLASSES)


def people(count: int) -> Cohort:
    """Of both classes and of none; some have several scans."""
    rng = np.random.default_rng(0)
    scans = [[(float(rng.uniform(-1, 1)), (i + k) % 3) for k in range(1 + i % 3)] for i in range(count)]
    return cohort(*(patient(*each) for each in scans))


def voters_of(of: Cohort) -> Voters:
    return Voters.of(of, brightness, CELLS)


def ballots_of(of: Cohort, ranks: Ranks, rounds: int = 2) -> list[list[tuple[str, list[int]]]]:
    voters = SharedVoters.of(of, voters_of, ranks)
    rule = evolution(of, TWO_CLASSES, voters=voters, neighbours=2)
    found = []
    for number in range(rounds):
        ballots, _ = rule.ballots(rule.candidates(number, rule.first()))
        found.append([(patient.patient_id, chosen.tolist()) for patient, chosen in ballots.items()])
    end_votes(ranks)
    return found


@pytest.mark.parametrize("patients", [0, 1, 2, 7, 20])
@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_find_the_votes_of_one(patients: int, count: int):
    of = people(patients)
    found, _ = together(count, lambda ranks: ballots_of(of, ranks), lambda ranks: serve_votes(voters_of, ranks))
    assert found == ballots_of(of, ALONE)
    assert [name for name, _ in found[0]] == [each.patient_id for each in of]


def test_each_patient_is_with_one_process_and_every_process_has_work():
    met: dict[int, list[str]] = {}
    of = people(7)

    def noting(rank: int):
        def made(share: Cohort) -> Voters:
            met.setdefault(rank, []).extend(each.patient_id for each in share)
            return voters_of(share)

        return made

    def lead(ranks: Ranks) -> None:
        SharedVoters.of(of, noting(0), ranks)
        end_votes(ranks)

    together(3, lead, lambda ranks: serve_votes(noting(ranks.rank), ranks))
    assert sorted(name for share in met.values() for name in share) == sorted(each.patient_id for each in of)
    assert [len(met[rank]) for rank in range(3)] == [3, 2, 2]


def test_where_no_votes_follow_the_others_go_on_at_once():
    """A run that goes on behind its votes asks for none."""
    together(2, end_votes, lambda ranks: serve_votes(voters_of, ranks))


def test_a_run_of_several_processes_is_that_of_one_and_noise_is_added_once(tmp_path: Path):
    one, several = Recorder(), Recorder()
    alone = evolved(tmp_path / "one", ALONE, one)
    shared, ranks = together(
        3,
        lambda first: evolved(tmp_path / "three", first, several),
        lambda other: METHOD.serve_votes(TARGET, other, device=CPU),
    )
    assert len(several.noised) == 2  # once a round, whatever the number of processes
    for found, wanted in zip((*several.sums, *several.noised), (*one.sums, *one.noised), strict=True):
        assert torch.equal(found, wanted)
    for name, value in alone.tensors().items():
        assert torch.equal(shared.tensors()[name], value)
    key = seeded_generator_for_tests(1)._key
    told = b"".join(part for rank in ranks for _, parts in rank.sent for part in parts)
    assert key not in told
    for number in range(2):
        assert seeded_generator_for_tests(1).child(b"votes\x00%d" % number)._key not in told
    assert all(total.numpy().tobytes() not in told for total in several.sums)  # nobody but rank 0 knows the votes
    assert {to for rank in ranks[1:] for to, _ in rank.sent} == {0}


def test_what_is_shared_is_what_was_voted():
    of = people(5)
    ((*_, last),) = [ballots_of(of, ALONE, rounds=1)]
    members = len(from_tensors(evolution(of, TWO_CLASSES).first()).classes)
    assert all(abs(np.linalg.norm(votes_of(np.array(chosen), members)) - 1) < 1e-11 for _, chosen in last)
