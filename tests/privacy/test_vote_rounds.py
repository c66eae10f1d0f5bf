"""Rounds of votes: charged before they are counted, noised once, forfeited by a crash; nothing clean on disk."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from elections import MEMBERS, SIGMA, Clean, Recorder, Tally, ledger_in, rounds_charged, vote, voters
from files import forgets

from medsyngen.errors import BudgetRefused, InputUnusable, VerificationFailed
from medsyngen.privacy.events import Gaussian, SelfComposed
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.query_checkpoint import QueryCheckpoint
from medsyngen.privacy.votes import votes_of
from medsyngen.randomness import secure_generator, seeded_generator_for_tests


class Killed(BaseException):
    """As a kill: nothing of the product catches it."""


def dies_at(round_number: int):
    """Dies between the charge of a round and its votes."""
    calls = iter(range(100))

    def die() -> None:
        if next(calls) == round_number:
            raise Killed

    return die


def test_every_round_counts_every_patient_once_and_adds_noise_once(tmp_path):
    recorder, cohort = Recorder(), voters(5)
    result = vote(tmp_path, cohort, mechanism=recorder)
    expected = sum(votes_of(np.full(i % 3 + 1, i), MEMBERS) for i in range(5))
    assert len(recorder.sums) == len(recorder.noised) == 4
    for total in recorder.sums:
        np.testing.assert_allclose(total.numpy(), expected, rtol=1e-12)
    torch.testing.assert_close(result.state["sum"], sum(recorder.noised), rtol=0, atol=1e-12)
    assert rounds_charged(tmp_path) == 4
    noise = torch.stack(recorder.noised) - torch.stack(recorder.sums)
    assert len({float(x) for x in noise.flatten()}) == noise.numel()  # a fresh draw for every entry of every round
    assert bool((noise.abs() < 9 * SIGMA).all())
    assert not result.seeded
    assert result.private


def test_the_noise_is_what_was_charged(tmp_path):
    recorder = Recorder()
    vote(tmp_path, voters(), mechanism=recorder)
    with Ledger.open(tmp_path / "ledger.jsonl", read_only=True) as ledger:
        charged = list(ledger.events())
    assert charged == [Gaussian(SIGMA)] * 4
    assert recorder.stds == [event.noise_multiplier for event in charged]  # a patient's votes have norm 1


@pytest.mark.parametrize("seeded", [False, True])
def test_the_noise_is_drawn_from_the_runs_own_keys(tmp_path, seeded):
    recorder, keys = Recorder(), seeded_generator_for_tests(1) if seeded else secure_generator()
    result = vote(tmp_path, voters(), mechanism=recorder, keys=keys)
    assert recorder.seeded == [seeded] * 4
    assert result.seeded == seeded


def test_a_round_is_charged_before_it_is_counted(tmp_path):
    seen = []

    class Looks(Tally):
        def ballots(self, candidates):
            seen.append(rounds_charged(tmp_path))
            return super().ballots(candidates)

    vote(tmp_path, voters(), election=Looks(voters()))
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("fatal", range(4))
def test_a_crash_after_the_charge_forfeits_its_round_and_nothing_else(tmp_path, fatal):
    before, after = Recorder(), Recorder()
    with pytest.raises(Killed):
        vote(tmp_path, voters(), mechanism=before, after_charge=dies_at(fatal))
    assert rounds_charged(tmp_path) == fatal + 1
    result = vote(tmp_path, voters(), mechanism=after)
    assert result.state["took"].tolist() == [r for r in range(4) if r != fatal]
    assert rounds_charged(tmp_path) == 4  # the plan, not more
    assert len(before.noised) + len(after.noised) == 3
    torch.testing.assert_close(
        result.state["sum"], sum([*before.noised, *after.noised]), rtol=0, atol=1e-12
    )  # paid-for votes are used as they were, with the noise they had


@pytest.mark.parametrize("fatal", range(4))
def test_a_crash_while_the_next_state_is_made_costs_nothing(tmp_path, fatal):
    """A user's command may fail; the votes that were paid for are on disk by then, and are not asked for again."""

    class Fails(Tally):
        def elected(self, number, state, noisy):
            if number == fatal:
                raise Killed
            return super().elected(number, state, noisy)

    before, after = Recorder(), Recorder()
    with pytest.raises(Killed):
        vote(tmp_path, voters(), election=Fails(voters()), mechanism=before)
    result = vote(tmp_path, voters(), mechanism=after)
    assert result.state["took"].tolist() == [0, 1, 2, 3]
    assert (len(before.noised), len(after.noised)) == (fatal + 1, 3 - fatal)
    assert rounds_charged(tmp_path) == 4
    torch.testing.assert_close(result.state["sum"], sum([*before.noised, *after.noised]), rtol=0, atol=1e-12)


def test_a_source_that_fails_before_the_charge_costs_nothing(tmp_path):
    class Fails(Tally):
        def candidates(self, number, state):
            raise Killed

    with pytest.raises(Killed):
        vote(tmp_path, voters(), election=Fails(voters()))
    assert rounds_charged(tmp_path) == 0


def test_a_finished_run_asks_nothing_more(tmp_path):
    first = vote(tmp_path, voters())
    recorder = Recorder()
    again = vote(tmp_path, voters(), mechanism=recorder)
    assert recorder.noised == []
    torch.testing.assert_close(first.state["sum"], again.state["sum"], rtol=0, atol=0)


def test_no_key_and_no_clean_count_reaches_the_disk(tmp_path):
    keys, recorder = seeded_generator_for_tests(5), Recorder()
    vote(tmp_path, voters(), keys=keys, mechanism=recorder)
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert keys._key not in written
    for total in recorder.sums:
        for form in (total, total.float(), total.round().long(), total.round().int()):
            assert form.numpy().tobytes() not in written
    assert recorder.noised[-1].numpy().tobytes() in written  # so the search would have found them


def test_a_seeded_run_is_marked_for_good(tmp_path):
    with pytest.raises(Killed):
        vote(tmp_path, voters(), keys=seeded_generator_for_tests(0), after_charge=dies_at(2))
    assert vote(tmp_path, voters()).seeded  # goes on with good keys, but from seeded votes
    with Ledger.open(tmp_path / "ledger.jsonl", read_only=True) as ledger:
        assert ledger.runs["run"].seeded


@pytest.mark.parametrize(("first", "then"), [(Clean(), None), (None, Clean())])
def test_what_once_was_not_private_stays_so(tmp_path, first, then):
    """The state at the end is made of every round's votes, whoever counted the last ones."""
    with pytest.raises(Killed):
        vote(tmp_path, voters(), mechanism=first, after_charge=dies_at(2))
    assert not vote(tmp_path, voters(), mechanism=then).private
    assert not vote(tmp_path, voters()).private


def test_a_checkpoint_that_does_not_say_whether_it_is_private_is_refused(tmp_path):
    with pytest.raises(Killed):
        vote(tmp_path, voters(), after_charge=dies_at(2))
    forgets(tmp_path / "checkpoint.safetensors", "private")
    with pytest.raises(VerificationFailed, match="not a checkpoint of this version"):
        vote(tmp_path, voters())
    assert rounds_charged(tmp_path) == 3  # nothing more


def test_new_keys_at_each_start(tmp_path):
    sums = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        sums.append(vote(tmp_path / name, voters()).state["sum"])
    assert not torch.equal(*sums)


def test_a_seeded_stream_needs_a_run_that_was_begun_as_seeded(tmp_path):
    from elections import SHA, vote_privately

    with ledger_in(tmp_path) as ledger:
        account = ledger.begin("run", recipe_sha256=SHA, plan=SelfComposed(Gaussian(SIGMA), 4), seeded=False)
        with pytest.raises(ValueError, match="begun as seeded"):
            vote_privately(
                Tally(voters()),
                voters(),
                patients_at_most=20,
                noise_multiplier=SIGMA,
                account=account,
                keys=seeded_generator_for_tests(0),
                checkpoint=tmp_path / "checkpoint.safetensors",
            )
    assert rounds_charged(tmp_path) == 0


def test_more_patients_than_n_max_are_refused_before_the_first_charge(tmp_path):
    with pytest.raises(InputUnusable, match="more patients"):
        vote(tmp_path, voters(21))
    assert rounds_charged(tmp_path) == 0


def test_a_plan_over_budget_is_refused_before_it_runs(tmp_path):
    recorder = Recorder()
    with pytest.raises(BudgetRefused):
        vote(tmp_path, voters(), mechanism=recorder, epsilon=0.1)
    assert recorder.noised == []


def test_more_rounds_than_were_reserved_are_refused(tmp_path):
    recorder = Recorder()
    with pytest.raises(BudgetRefused):
        vote(tmp_path, voters(), election=Tally(voters(), rounds=6), mechanism=recorder)
    assert len(recorder.noised) == 4


def test_a_checkpoint_knows_run_and_ledger(tmp_path):
    vote(tmp_path, voters())
    path, saved = tmp_path / "ledger.jsonl", QueryCheckpoint.load(tmp_path / "checkpoint.safetensors")
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows[:-1]))  # the last charge is gone
    with pytest.raises(VerificationFailed, match="the checkpoint was made when it held line 6"):
        vote(tmp_path, voters())
    path.write_bytes(b"".join(rows))
    dataclasses.replace(saved, run="another").save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(VerificationFailed, match="another run"):
        vote(tmp_path, voters())
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nonsense")
    with pytest.raises(VerificationFailed, match="not a checkpoint"):
        vote(tmp_path, voters())
