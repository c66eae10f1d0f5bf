"""Pitfalls of runs of votes: clean counts on disk or in use, noise that repeats, votes counted and not paid for."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from elections import Recorder, Tally, rounds_charged, vote, voters
from test_noise_and_keys import seed_everything, seeds_put_back
from watched import fresh, judge

from medsyngen.privacy import vote_rounds
from medsyngen.privacy.query_checkpoint import QueryCheckpoint

# --- an un-noised histogram in a checkpoint


def law_of_clean_counts(save: Callable[[QueryCheckpoint, Path, list], None], folder: Path) -> None:
    """No clean histogram is in any file, as numbers or as text."""
    here, recorder = fresh(folder), Recorder()
    usual = QueryCheckpoint.save
    QueryCheckpoint.save = lambda self, path: save(self, path, recorder.sums)
    try:
        vote(here, voters(), mechanism=recorder)
    finally:
        QueryCheckpoint.save = usual
    written = b"".join(p.read_bytes() for p in here.rglob("*") if p.is_file())
    for total in recorder.sums:
        forms = [total.numpy().tobytes(), total.float().numpy().tobytes(), str(total.tolist()).encode()]
        assert not any(form in written for form in forms)


SAVE = QueryCheckpoint.save


def beside_the_state(saved: QueryCheckpoint, path: Path, sums: list) -> None:
    saved.state["clean"] = sums[-1]
    SAVE(saved, path)


def into_a_log(saved: QueryCheckpoint, path: Path, sums: list) -> None:
    SAVE(saved, path)
    (path.parent / "votes.log").write_text(f"round {saved.round}: {sums[-1].tolist()}")


CLEAN = {"beside the population": beside_the_state, "in a log": into_a_log}


def test_an_un_noised_histogram_in_a_checkpoint(tmp_path):
    judge(lambda save: law_of_clean_counts(save, tmp_path), lambda saved, path, sums: SAVE(saved, path), CLEAN)


# --- the votes are noised and the clean ones used; rounds cut short


def law_of_noised_votes(election: Callable[[Recorder], Tally], folder: Path) -> None:
    """Every round takes place, and the state at the end is what noisy votes made of it."""
    recorder = Recorder()
    state = vote(fresh(folder), voters(), election=election(recorder), mechanism=recorder).state
    assert state["took"].tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(state["sum"], sum(recorder.noised), rtol=0, atol=1e-9)


class UsesClean(Tally):
    def elected(self, number, state, noisy):
        return super().elected(number, state, self.recorder.sums[-1].numpy())


class EndsEarly(Tally):
    """Ends when the favourite has not changed."""

    @property
    def rounds(self):
        settled = len(self.recorder.sums) > 1 and self.recorder.sums[-1].argmax() == self.recorder.sums[-2].argmax()
        return 0 if settled else 4

    @rounds.setter
    def rounds(self, value): ...

    def candidates(self, number, state):
        if self.rounds == 0:
            self.ended = True
        return super().candidates(number, state)

    def elected(self, number, state, noisy):
        return state if getattr(self, "ended", False) else super().elected(number, state, noisy)


def with_recorder(kind: type[Tally]) -> Callable[[Recorder], Tally]:
    def made(recorder: Recorder) -> Tally:
        election = kind(voters())
        election.recorder = recorder
        return election

    return made


USED = {"clean votes choose": with_recorder(UsesClean), "ended when the votes agree": with_recorder(EndsEarly)}


def test_the_votes_are_noised_and_the_clean_ones_used(tmp_path):
    judge(lambda election: law_of_noised_votes(election, tmp_path), with_recorder(Tally), USED)


# --- votes counted again after a crash, for nothing


class Killed(BaseException):
    """As a kill."""


def law_of_paid_votes(wrong: Callable[[object], object] | None, folder: Path) -> None:
    """However often it is killed, before a histogram leaves its round stands in the ledger, and each pays for one."""
    for fatal in range(8):
        here, recorder = fresh(folder), Recorder()
        usual, real = recorder.release, vote_rounds.QueryCheckpoint.save

        def release(total, std, stream, here=here, recorder=recorder, usual=usual):
            assert rounds_charged(here) > len(recorder.sums)
            return usual(total, std, stream)

        def save(self, path, fatal=fatal, real=real):
            if (fatal % 2, self.round) == (0, fatal // 2):
                raise Killed
            real(self, path)
            if (fatal % 2, self.round) == (1, fatal // 2):
                raise Killed

        recorder.release = release
        for saving in (save, real):
            vote_rounds.QueryCheckpoint.save = saving
            try:
                with_account(wrong, lambda here=here, recorder=recorder: vote(here, voters(), mechanism=recorder))
            except Killed:
                pass
            finally:
                vote_rounds.QueryCheckpoint.save = real
        assert len(recorder.sums) <= rounds_charged(here)


def with_account(wrong, run):
    usual = vote_rounds.RunAccount.charge, vote_rounds.RunAccount.steps_charged
    if wrong is not None:
        vote_rounds.RunAccount.charge, vote_rounds.RunAccount.steps_charged = wrong(usual)
    try:
        run()
    finally:
        vote_rounds.RunAccount.charge, vote_rounds.RunAccount.steps_charged = usual


def from_the_checkpoint(usual):
    """Goes on behind the last round that was saved, and pays once for each round's number."""

    def charge(self, event, *, purpose, block):
        if block[0] >= usual[1](self, purpose):
            usual[0](self, event, purpose=purpose, block=block)

    def saved_rounds(self, purpose):
        path = self._ledger._chain.path.parent / "checkpoint.safetensors"
        return QueryCheckpoint.load(path).round + 1 if path.exists() else 0

    return charge, saved_rounds


def a_round_late(usual):
    pending = []

    def charge(self, event, **block):
        if pending:
            usual[0](self, pending[-1][0], **pending[-1][1])
        pending.append((event, block))

    return charge, usual[1]


UNPAID = {"the last round again": from_the_checkpoint, "charged a round late": a_round_late}


def test_votes_counted_again_after_a_crash(tmp_path):
    judge(lambda wrong: law_of_paid_votes(wrong, tmp_path), None, UNPAID)


# --- a simulator's seed makes the noise of votes repeat


def law_of_fresh_noise(release: Callable | None, folder: Path) -> None:
    """The source seeds every global generator just before the votes; no noise comes twice all the same."""

    class Seeds(Tally):
        def candidates(self, number, state):
            seed_everything()
            return super().candidates(number, state)

    with seeds_put_back():
        noise = []
        for _ in range(2):
            recorder = Recorder()
            vote(fresh(folder), voters(), election=Seeds(voters()), mechanism=noised_by(recorder, release))
            noise += [a - b for a, b in zip(recorder.noised, recorder.sums, strict=True)]
    values = np.round(torch.stack(noise).numpy().ravel(), 9)
    assert len(np.unique(values)) == len(values)


def noised_by(recorder: Recorder, release: Callable | None) -> Recorder:
    if release is not None:

        def wrong(total, std, stream):
            recorder.sums.append(total.clone())
            recorder.noised.append(release(total, std))
            return recorder.noised[-1]

        recorder.release = wrong
    return recorder


SEEDED = {
    "NumPy's global generator": lambda t, s: t + torch.from_numpy(getattr(np.random, "normal")(0, s, len(t))),  # noqa: B009
    "Python's global generator": lambda t, s: t + torch.tensor([random.gauss(0, s) for _ in t], dtype=t.dtype),
    "a generator of the recipe's seed": lambda t, s: (
        t + torch.from_numpy(np.random.default_rng(0).normal(0, s, len(t)))
    ),
}


def test_a_simulators_seed_makes_the_noise_of_votes_repeat(tmp_path):
    judge(lambda release: law_of_fresh_noise(release, tmp_path), None, SEEDED)
