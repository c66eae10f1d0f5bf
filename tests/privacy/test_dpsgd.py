"""The joint guarantee of private training, clause by clause."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from elections import Clean
from files import forgets
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.cohort.cohort import Cohort
from medsyngen.errors import BudgetRefused, InputUnusable, VerificationFailed
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed, to_json
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.randomness import secure_generator, seeded_generator_for_tests

TRAINING = DPSGD(steps=7, patients_per_step=5, block=3, micro_batch=3, learning_rate=0.1)
SHA = "a" * 64


def ledger_in(folder: Path, epsilon: float = 1e3) -> Ledger:
    path = folder / "ledger.jsonl"
    if path.exists():
        return Ledger.open(path)
    return Ledger.create(path, budget=Budget(epsilon, 1e-4), patients_at_most=20, reason="test")


def run(folder: Path, cohort: Cohort, *, training: DPSGD = TRAINING, keys=None, mechanism=None, sigma=1.0, **more):
    keys = keys or secure_generator()
    with ledger_in(folder, more.pop("epsilon", 1e3)) as ledger:
        plan = training.event(training.steps, patients_at_most=20, noise_multiplier=sigma)
        account = ledger.begin("run", recipe_sha256=SHA, plan=plan, seeded=keys.seeded)
        return train_privately(
            LinearLoss(),
            toy_weights(),
            cohort,
            training,
            patients_at_most=20,
            noise_multiplier=sigma,
            account=account,
            keys=keys,
            checkpoint=folder / "checkpoint.safetensors",
            device=torch.device("cpu"),
            mechanism=mechanism,
            **more,
        )


def charged_events(folder: Path) -> list[dict]:
    with Ledger.open(folder / "ledger.jsonl", read_only=True) as ledger:
        return [line["event"] for line in ledger.lines if line["kind"] == "charge"]


class Recorder(GaussianSum):
    """The real mechanism, with its inputs and outputs written down."""

    def __init__(self) -> None:
        self.sums: list[torch.Tensor] = []
        self.noised: list[torch.Tensor] = []
        self.stds: list[float] = []

    def release(self, total, std, stream):
        out = super().release(total, std, stream)
        self.sums.append(total.clone())
        self.noised.append(out.clone())
        self.stds.append(std)
        return out


def test_every_step_is_charged_once_with_what_it_did(tmp_path):
    run(tmp_path, toy_cohort(12), sigma=1.5)
    q = 5 / 20
    blocks = [to_json(SelfComposed(PoissonSampled(q, Gaussian(1.5)), n)) for n in (3, 3, 1)]
    assert charged_events(tmp_path) == blocks


def test_noise_is_added_once_a_step_on_every_coordinate_with_std_sigma_c(tmp_path):
    recorder = Recorder()
    training = DPSGD(steps=200, patients_per_step=5, block=50, micro_batch=2, clipping_norm=0.5)
    run(tmp_path, toy_cohort(12), training=training, mechanism=recorder, sigma=3.0, epsilon=1e6)
    noise = torch.stack(recorder.noised) - torch.stack(recorder.sums)
    assert set(recorder.stds) == {1.5}
    n = noise.numel()
    assert noise.std().item() == pytest.approx(1.5, abs=5 * 1.5 / np.sqrt(2 * n))  # once, not once a micro-batch
    assert len(torch.unique(noise)) == n


def test_an_empty_sample_is_a_pure_noise_step(tmp_path):
    recorder = Recorder()
    run(tmp_path, Cohort({}), mechanism=recorder)
    assert len(recorder.noised) == TRAINING.steps
    assert not any(bool(s.any()) for s in recorder.sums)
    assert all(bool(n.all()) for n in recorder.noised)
    assert sum(e["count"] for e in charged_events(tmp_path)) == TRAINING.steps


def test_the_denominator_is_public(tmp_path):
    """Adam hides the scale, so look at the first moment: (1 - beta1) * noised / (q N_max) after one step."""
    for patients in (3, 12):
        folder = tmp_path / str(patients)
        folder.mkdir()
        recorder = Recorder()
        run(folder, toy_cohort(patients), training=DPSGD(steps=1, patients_per_step=5), mechanism=recorder)
        moment = Checkpoint.load(folder / "checkpoint.safetensors").first_moment
        torch.testing.assert_close(moment.double(), 0.1 * recorder.noised[0] / 5, rtol=1e-5, atol=1e-7)


def test_without_clipping_and_noise_it_is_ordinary_training(tmp_path):
    """The ceiling that results are compared with; it is marked, and the gate refuses it."""

    class Ceiling:
        private = False

        def factors(self, gradients, clipping_norm):
            return torch.ones(len(gradients), dtype=torch.float64)

        def release(self, total, std, stream):
            return total

    keys = seeded_generator_for_tests(1)
    cohort = toy_cohort(9)
    training = DPSGD(steps=3, patients_per_step=20, learning_rate=0.1, decay="cosine", ema_decay=0.0)
    result = run(tmp_path, cohort, training=training, keys=keys, mechanism=Ceiling())
    weights = {k: v.clone().requires_grad_() for k, v in toy_weights().items()}
    optimizer = torch.optim.Adam(weights.values(), lr=0.1, betas=training.adam_betas)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
    loss = LinearLoss()
    for step in range(3):
        stream = keys.child(b"step\x00%d" % step)
        draws = [loss.draw(cohort[p], stream.child(b"patient\x00" + p.to_bytes())) for p in cohort]
        optimizer.zero_grad()
        (sum(loss(weights, d) for d in draws) / 20).backward()
        optimizer.step()
        falling.step()
    assert not result.private
    for name, value in result.weights.items():
        torch.testing.assert_close(value, weights[name].detach(), rtol=1e-4, atol=1e-5)


def test_a_crash_after_the_charge_forfeits_its_steps(tmp_path):
    """Pitfall: a resume that under-reports. Charged is spent, whether it ran or not."""
    recorder, crash = Recorder(), iter([False, True])

    def die():
        if next(crash):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, toy_cohort(12), mechanism=recorder, after_charge=die)
    assert len(recorder.noised) == 3
    assert sum(e["count"] for e in charged_events(tmp_path)) == 6
    run(tmp_path, toy_cohort(12), mechanism=recorder)
    charged = sum(e["count"] for e in charged_events(tmp_path))
    assert charged == TRAINING.steps  # the plan, not more
    assert len(recorder.noised) == 3 + 1  # steps 3 to 5 were forfeited
    assert Checkpoint.load(tmp_path / "checkpoint.safetensors").steps_done == 4


def test_a_resumed_run_goes_on_from_the_checkpoint_with_new_keys(tmp_path):
    crash = iter([False, True])

    def die():
        if next(crash):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, toy_cohort(12), after_charge=die)
    before = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    recorder = Recorder()
    run(tmp_path, toy_cohort(12), mechanism=recorder)
    after = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    moment = 0.9 * before.first_moment.double() + 0.1 * recorder.noised[0] / 5
    torch.testing.assert_close(after.first_moment.double(), moment, rtol=1e-4, atol=1e-7)


def test_no_key_and_no_clean_gradient_reaches_the_disk(tmp_path):
    keys, recorder = seeded_generator_for_tests(5), Recorder()
    run(tmp_path, toy_cohort(12), keys=keys, mechanism=recorder)
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert keys._key not in written
    for total in recorder.sums:
        assert total.float().numpy().tobytes() not in written
        assert (total / 5).float().numpy().tobytes() not in written


def test_two_runs_of_the_same_recipe_draw_different_noise(tmp_path):
    results = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        results.append(run(tmp_path / name, toy_cohort(12)).weights["w"])
    assert not torch.equal(*results)


def test_a_seeded_run_is_marked_for_good(tmp_path):
    crash = iter([False, True])

    def die():
        if next(crash):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, toy_cohort(12), keys=seeded_generator_for_tests(0), after_charge=die)
    assert run(tmp_path, toy_cohort(12)).seeded  # resumed with good keys, but made from seeded steps
    with Ledger.open(tmp_path / "ledger.jsonl", read_only=True) as ledger:
        assert ledger.runs["run"].seeded


@pytest.mark.parametrize(("first", "then"), [(Clean(), None), (None, Clean())])
def test_what_once_was_not_private_stays_so(tmp_path, first, then):
    crash = iter([False, True])

    def die():
        if next(crash):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, toy_cohort(12), mechanism=first, after_charge=die)
    assert not run(tmp_path, toy_cohort(12), mechanism=then).private
    assert not run(tmp_path, toy_cohort(12)).private


def test_a_checkpoint_that_does_not_say_whether_it_is_private_is_refused(tmp_path):
    run(tmp_path, toy_cohort(12), training=TRAINING)
    forgets(tmp_path / "checkpoint.safetensors", "private")
    with pytest.raises(VerificationFailed, match="not a checkpoint of this version"):
        run(tmp_path, toy_cohort(12))


def test_a_seeded_stream_needs_a_run_that_was_begun_as_seeded(tmp_path):
    training = TRAINING
    plan = training.event(training.steps, patients_at_most=20, noise_multiplier=1.0)
    with ledger_in(tmp_path) as ledger:
        account = ledger.begin("run", recipe_sha256=SHA, plan=plan, seeded=False)
        with pytest.raises(ValueError, match="begun as seeded"):
            train_privately(
                LinearLoss(),
                toy_weights(),
                toy_cohort(3),
                training,
                patients_at_most=20,
                noise_multiplier=1.0,
                account=account,
                keys=seeded_generator_for_tests(0),
                checkpoint=tmp_path / "checkpoint.safetensors",
                device=torch.device("cpu"),
            )
    assert charged_events(tmp_path) == []


def test_a_checkpoint_knows_the_ledger_that_it_was_made_with(tmp_path):
    run(tmp_path, toy_cohort(12))
    path = tmp_path / "ledger.jsonl"
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows[:-1]))  # the last charge is gone
    with pytest.raises(VerificationFailed, match="the checkpoint was made when it held line 5"):
        run(tmp_path, toy_cohort(12))
    path.write_bytes(b"".join(rows))
    other = Checkpoint.load(tmp_path / "checkpoint.safetensors")
    dataclasses.replace(other, run="another").save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(VerificationFailed, match="another run"):
        run(tmp_path, toy_cohort(12))


def test_more_patients_than_n_max_are_refused_before_the_first_charge(tmp_path):
    with pytest.raises(InputUnusable, match="more patients"):
        run(tmp_path, toy_cohort(21))
    assert charged_events(tmp_path) == []


def test_a_step_over_budget_is_refused_before_it_runs(tmp_path):
    recorder = Recorder()
    with pytest.raises(BudgetRefused):
        run(tmp_path, toy_cohort(12), mechanism=recorder, sigma=0.8, epsilon=0.1)
    assert recorder.noised == []


def test_a_record_of_nothing_but_nan_changes_nothing_but_its_own_vector(tmp_path):
    cohort = toy_cohort(6)
    poisoned = dict(cohort)
    first = next(iter(cohort))
    poisoned[first].pixels[:] = np.nan
    recorder = Recorder()
    result = run(tmp_path, Cohort(poisoned), mechanism=recorder)
    assert all(bool(v.isfinite().all()) for v in result.weights.values())


def test_the_sampling_rate_comes_from_public_numbers():
    assert DPSGD(patients_per_step=50).sampling_rate(200) == 0.25
    assert DPSGD(patients_per_step=500).sampling_rate(200) == 1.0
