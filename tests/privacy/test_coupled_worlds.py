"""Coupled neighbour worlds: under the same secret keys, one patient more or less changes nobody else's draws.

The draws of a step: coins (who takes part), a patient's scans, noise levels and diffusion noise, the noise of privacy.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.privacy.gradient_sum import clipped_sum, patient_streams
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

Draw = Callable[[Iterable[PatientKey], float, SecureStream], list[PatientKey]]


class Recorder:
    """A loss that notes what it draws for whom."""

    def __init__(self, loss, cohort: Cohort) -> None:
        self.loss = loss
        self.owners = {id(cohort[p]): p for p in cohort}
        self.drawn: dict[PatientKey, dict[str, bytes]] = {}

    def draw(self, record, stream):
        drawn = self.loss.draw(record, stream)
        self.drawn[self.owners[id(record)]] = {name: value.numpy().tobytes() for name, value in drawn.items()}
        return drawn

    def __call__(self, parameters, drawn):
        return self.loss(parameters, drawn)


@dataclass(frozen=True)
class Step:
    """How a step draws: the product's way, or a mutant's."""

    loss: object = field(default_factory=LinearLoss)
    weights: dict[str, torch.Tensor] = field(default_factory=toy_weights)
    draw: Draw = draw_patients
    keys: Callable[[SecureStream], SecureStream] = lambda step: step  # what patients' streams are taken from

    def world(self, cohort: Cohort, step: SecureStream, q: float, slots: int):
        """Returns every draw of the step: each sampled patient's, and the noise on the sum."""
        recorder = Recorder(self.loss, cohort)
        total = clipped_sum(
            recorder,
            self.weights,
            cohort,
            self.draw(cohort, q, step),
            clipping_norm=1.0,
            micro_batch=slots,
            streams=patient_streams(self.keys(step)),
            device=torch.device("cpu"),
        )
        noise = add_gaussian_noise(torch.zeros_like(total), 1.0, step.child(b"noise"))
        return recorder.drawn, noise.numpy().tobytes()


def changed(step: Step, cohort: Cohort, patient: PatientKey, key: bytes, *, q: float, slots: tuple[int, int]) -> list:
    """Returns whose draws differ between a cohort and its neighbour without ``patient``, who is left out.

    The neighbour's patients come in another order, and in micro-batches of another size.
    """
    there, noise = step.world(cohort, SecureStream(key), q, slots[0])
    rest = cohort.without(patient)
    other = Cohort({p: rest[p] for p in reversed(list(rest))})
    here, other_noise = step.world(other, SecureStream(key), q, slots[1])
    whose = [p for p in rest if there.get(p) != here.get(p)]
    return [*whose, *(["noise"] if noise != other_noise else [])]


SLOTS = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(st.integers(1, 9), st.integers(0, 99), st.floats(0.05, 1.0), SLOTS, st.binary(min_size=32, max_size=32))
def test_one_patient_changes_nobody_elses_draws(n: int, seed: int, q: float, slots: tuple[int, int], key: bytes):
    cohort = toy_cohort(n, seed)
    for patient in cohort:
        assert changed(Step(), cohort, patient, key, q=q, slots=slots) == []


@given(st.integers(2, 9), st.integers(0, 99), SLOTS, st.binary(min_size=32, max_size=32))
def test_what_a_record_holds_changes_nobody_elses_draws(n: int, seed: int, slots: tuple[int, int], key: bytes):
    """The same patient with 66 other scans: the others draw as before, whatever its own draws use up."""
    cohort = toy_cohort(n, seed)
    patient = next(iter(cohort))
    scans = PatientRecord(np.ones((66, 1, 2, 2), np.float32), np.zeros(66, np.int64))
    before, _ = Step().world(cohort, SecureStream(key), 0.8, slots[0])
    after, _ = Step().world(Cohort({**cohort, patient: scans}), SecureStream(key), 0.8, slots[1])
    assert before.keys() == after.keys()
    assert {p: d for p, d in before.items() if p != patient} == {p: d for p, d in after.items() if p != patient}


@given(st.integers(2, 9), SLOTS, st.binary(min_size=32, max_size=32))
def test_within_a_step_no_two_patients_and_across_steps_no_patient_draws_the_same(n, slots, key):
    cohort, keys = toy_cohort(n), SecureStream(key)
    steps = [Step().world(cohort, keys.child(b"step %d" % i), 1.0, slots[0]) for i in range(2)]
    assert len({drawn[p]["noise"] for drawn, _ in steps for p in cohort}) == 2 * n
    assert steps[0][1] != steps[1][1]


class OneStream(LinearLoss):
    """The mutant of one stream for all, drawn from in turn."""

    def __init__(self) -> None:
        self.stream = SecureStream(b"one stream for all patients " + bytes(4))

    def draw(self, record, stream):
        return super().draw(record, self.stream)


class ByPosition:
    """The mutant that keys a patient's stream by its place in the sample."""

    def __init__(self, step: SecureStream) -> None:
        self.step, self.place = step, 0

    def child(self, label: bytes) -> SecureStream:
        self.place += 1
        return self.step.child(b"place %d" % self.place)


def coins_in_turn(patients, q, step):
    """The mutant that tosses one row of coins, a patient a coin."""
    keys = list(patients)
    return sorted(p for p, u in zip(keys, step.uniform(len(keys)), strict=True) if u < q)


def a_fixed_number(patients, q, step):
    """The mutant that always takes the same number, so that one patient out lets another in."""
    keys = sorted(patients)
    return [keys[i] for i in step.choose(len(keys), min(len(keys), 3))]


MUTANTS = {
    "patients keyed by position": lambda: Step(keys=ByPosition),
    "coins in turn": lambda: Step(draw=coins_in_turn),
    "a fixed number of patients": lambda: Step(draw=a_fixed_number),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_law_catches(mutant: str):
    cohort, found = toy_cohort(8), []
    for patient in cohort:
        found += changed(MUTANTS[mutant](), cohort, patient, bytes(32), q=0.5, slots=(3, 3))
    assert found


def test_the_law_catches_one_stream_for_all():
    """Each world gets the shared stream anew, and the patients in the same order: only the neighbour is to blame."""
    cohort = toy_cohort(6)
    first = next(iter(cohort))
    there, _ = Step(loss=OneStream()).world(cohort, SecureStream(bytes(32)), 1.0, 3)
    again, _ = Step(loss=OneStream()).world(cohort, SecureStream(bytes(32)), 1.0, 3)
    here, _ = Step(loss=OneStream()).world(cohort.without(first), SecureStream(bytes(32)), 1.0, 3)
    assert there == again
    assert [p for p in here if here[p] != there[p]]


def test_the_real_loss_draws_scans_levels_and_noise_the_same_in_both_worlds():
    size = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)
    net = build_unet(size, image_channels=1, class_rows=3, seed=0).eval()
    loss = ContextLoss(net, StageBands().split(64)[1], NoiseLaw(0.0, 1.2), 2, 2)
    rng = np.random.Generator(np.random.PCG64(0))
    records = {}
    for i, n in enumerate((1, 3, 66, 2, 5)):
        pixels = rng.uniform(-1, 1, (n, 1, 8, 8)).astype(np.float32)
        records[PatientKey(f"p{i}")] = PatientRecord(pixels, rng.integers(0, 3, n))
    cohort, weights = Cohort(records), {k: v.detach() for k, v in net.named_parameters()}
    real = Step(loss=loss, weights=weights)
    drawn, _ = real.world(cohort, secure_generator(), 1.0, 2)
    assert {frozenset(d) for d in drawn.values()} == {frozenset({"y", "classes", "sigma", "noise"})}
    for patient in cohort:
        assert changed(real, cohort, patient, bytes(32), q=0.7, slots=(2, 3)) == []
