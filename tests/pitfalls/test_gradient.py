"""Pitfalls of the clipped sum: micro-batches, K draws, the denominator, draws for a nominal batch, lost parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch
from toys import LinearLoss, toy_cohort, toy_weights
from watched import N_MAX, ONE_STEP, C, Make, Parts, judge, watch

from medsyngen.cohort.cohort import Cohort
from medsyngen.errors import UsageError
from medsyngen.privacy.clipping import clip_factors
from medsyngen.privacy.gradient_sum import clipped_sum
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.randomness import SecureStream, secure_generator, seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis import rehearsal
from medsyngen.synthesis.rehearsal import rehearse

LARGE = toy_cohort(9, scale=50.0)
"""Every gradient of these patients is longer than C."""
USUAL = toy_cohort(9)
FIRST = next(iter(LARGE))


def keys() -> SecureStream:
    """The same secret keys in both worlds, so that the difference is the patient's doing."""
    return seeded_generator_for_tests(5)


# --- accumulation over micro-batches clips twice or adds noise twice


def law_of_micro_batches(make: Make, folder) -> None:
    """The size of a micro-batch bounds memory and changes nothing that is released."""
    released = [
        watch(make(), folder, LARGE, training=replace(ONE_STEP, micro_batch=slots), keys=keys()).released[0]
        for slots in (2, 4, 16)
    ]
    for other in released[1:]:
        torch.testing.assert_close(other, released[0], rtol=1e-5, atol=1e-6)


def by_micro_batches(finish: Callable, **changed):
    """A sum of micro-batches, each of which is finished on its own."""

    def accumulate(loss, parameters, cohort, sampled, *, micro_batch, **more) -> torch.Tensor:
        total = torch.zeros(15, dtype=torch.float64)
        for start in range(0, len(sampled), micro_batch):
            part = sampled[start : start + micro_batch]
            gradients = clipped_sum(loss, parameters, cohort, part, micro_batch=micro_batch, **(more | changed))
            total += finish(gradients, part, secure_generator(), micro_batch)
        return total

    return lambda: Parts(sum=accumulate)


def clipped(total: torch.Tensor) -> torch.Tensor:
    return total * clip_factors(total[None], C)[0]


def untouched(gradients: torch.Tensor, clipping_norm: float) -> torch.Tensor:
    return torch.ones(len(gradients), dtype=torch.float64)


MICRO_BATCHES = {
    "each micro-batch clipped again": by_micro_batches(lambda total, part, stream, slots: clipped(total)),
    "only the micro-batch clipped": by_micro_batches(
        lambda total, part, stream, slots: clipped(total), factors=untouched
    ),
    "noise in every micro-batch": by_micro_batches(
        lambda total, part, stream, slots: add_gaussian_noise(total, C, stream)
    ),
    "averaged within each micro-batch": by_micro_batches(lambda total, part, stream, slots: total / len(part)),
    "empty slots counted": by_micro_batches(lambda total, part, stream, slots: total * slots / len(part)),
}


def test_accumulation_over_micro_batches_clips_twice_or_adds_noise_twice(tmp_path):
    judge(lambda make: law_of_micro_batches(make, tmp_path), Parts, MICRO_BATCHES)


# --- K noise draws clipped one by one


def moved(make: Make, folder, cohort: Cohort, **world) -> float:
    """How far one patient moves the sum before its noise."""
    both = [watch(make(), folder, c, training=ONE_STEP, keys=keys(), **world) for c in (cohort, cohort.without(FIRST))]
    return (both[0].sums[0] - both[1].sums[0]).norm().item()


def law_of_one_clip(make: Make, folder) -> None:
    """A patient with long gradients moves the sum by C, not by C for each draw."""
    assert 0.99 * C < moved(make, folder, LARGE) <= C


class OneDraw(LinearLoss):
    """The k-th of a patient's draws, alone."""

    def __init__(self, k: int) -> None:
        self.k = k

    def __call__(self, parameters, drawn):
        return super().__call__(parameters, {name: value[self.k : self.k + 1] for name, value in drawn.items()})


def each_draw_clipped(loss, *step, **more) -> torch.Tensor:
    return sum((clipped_sum(OneDraw(k), *step, **more) for k in range(1, 2)), clipped_sum(OneDraw(0), *step, **more))


def each_scan_clipped(loss, parameters, cohort, sampled, **more) -> torch.Tensor:
    scans = {
        PatientKey(f"{p.patient_id} {i}"): replace(record, pixels=record.pixels[i : i + 1], classes=record.classes[:1])
        for p in sampled
        for record in (cohort[p],)
        for i in range(len(record.pixels))
    }
    return clipped_sum(loss, parameters, Cohort(scans), list(scans), **more)


DRAWS = {
    "each draw clipped alone": lambda: Parts(sum=each_draw_clipped),
    "each scan clipped alone": lambda: Parts(sum=each_scan_clipped),
}


def test_k_noise_draws_clipped_one_by_one(tmp_path):
    judge(lambda make: law_of_one_clip(make, tmp_path), Parts, DRAWS)


# --- denominator from the actual batch


def law_of_the_denominator(make: Make, folder) -> None:
    """Under the same noise, one patient moves what is released by at most C / (q N_max)."""
    both = [watch(make(), folder, c, training=ONE_STEP, keys=keys()) for c in (USUAL, USUAL.without(FIRST))]
    assert both[0].noised[0].norm() > 0
    assert (both[0].released[0] - both[1].released[0]).norm().item() <= C / N_MAX * (1 + 1e-9)


def divided_by(count: Callable[[int, int], float]) -> Make:
    """What is released, divided by a number of patients (cohort, sample) in place of q N_max."""

    def make() -> Parts:
        sizes = [0, 0]

        def draw(patients, q, step):
            sample = Parts().draw(patients, q, step)
            sizes[:] = [len(list(patients)), len(sample)]
            return sample

        def noise(total, std, stream):
            return Parts().noise(total, std, stream) * N_MAX / max(1.0, count(*sizes))

        return Parts(draw=draw, noise=noise)

    return make


DENOMINATORS = {
    "the mean over the actual batch": divided_by(lambda cohort, sample: sample),
    "q times the real number of patients": divided_by(lambda cohort, sample: cohort),
}


def test_denominator_from_the_actual_batch(tmp_path):
    judge(lambda make: law_of_the_denominator(make, tmp_path), Parts, DENOMINATORS)


# --- label dropout or timesteps drawn for the nominal batch size

NOMINAL = 4


def law_of_own_draws(make: Callable[[], LinearLoss]) -> None:
    """Whatever the size of the sample: everyone has draws of their own, which nobody else's presence changes.

    And all randomness is in the draws: the same draws give the same gradient.
    """

    def drawn_by(patients: list[PatientKey]) -> dict[PatientKey, torch.Tensor]:
        loss = make()
        return {p: loss.draw(USUAL[p], keys().child(p.to_bytes()))["noise"] for p in patients}

    for size in (1, NOMINAL - 1, NOMINAL, NOMINAL + 3):
        sample = list(USUAL)[:size]
        everyone = drawn_by(sample)
        assert len({draws.numpy().tobytes() for draws in everyone.values()}) == size
        assert all(torch.equal(draws, everyone[p]) for p, draws in drawn_by(sample[1:]).items())
    loss, batch = make(), {"x": torch.ones(3, 2, 4), "noise": torch.ones(3, 2, 3)}
    twice = [per_patient_gradients(loss, toy_weights(), batch) for _ in range(2)]
    assert torch.equal(*twice)


class DrawnForTheBatch(LinearLoss):
    """Noise levels drawn for a batch of the nominal size, and dealt to whoever comes."""

    def __init__(self) -> None:
        self.levels, self.next = torch.from_numpy(keys().normal((NOMINAL, 2, 3))).float(), -1

    def draw(self, record, stream):
        self.next += 1
        return {**super().draw(record, stream), "noise": self.levels[self.next % NOMINAL]}


class LabelDropout(LinearLoss):
    """One draw for the whole micro-batch, from a generator that nobody asked for."""

    def __init__(self) -> None:
        self.rng = np.random.Generator(np.random.PCG64(0))

    def __call__(self, parameters, drawn):
        return super().__call__(parameters, drawn) * self.rng.uniform()


NOMINAL_BATCH = {"levels for the nominal batch": DrawnForTheBatch, "label dropout inside the loss": LabelDropout}


def test_label_dropout_or_timesteps_drawn_for_the_nominal_batch_size():
    judge(law_of_own_draws, LinearLoss, NOMINAL_BATCH)
    with pytest.raises(RuntimeError, match="random"):  # torch's own generator can't even be reached
        law_of_own_draws(TorchDropout)


class TorchDropout(LinearLoss):
    def __call__(self, parameters, drawn):
        return super().__call__(parameters, drawn) * torch.rand(())


# --- parameter without a per-patient gradient silently skipped


def law_of_every_parameter(check: Callable[..., None], folder) -> None:
    """A parameter that the loss doesn't reach is named and refused before the first charge."""
    weights, phantoms = toy_weights() | {"lost": torch.zeros(3)}, np.ones((5, 1, 2, 2), np.float32)
    named = None
    try:
        check(LinearLoss(), weights, ONE_STEP, phantoms, class_rows=1, folder=folder, device=torch.device("cpu"))
    except UsageError as refused:
        named = list(refused.details)
    assert named == ["lost"]


def unchecked(*arguments, **more) -> None:
    with mock.patch.object(rehearsal, "_check_gradients"):
        rehearse(*arguments, **more)


def checked_after_the_noise(*arguments, **more) -> None:
    """With noise on it, every gradient looks alive."""
    real, views = rehearsal._check_gradients, rehearsal.Views({k: v.shape for k, v in arguments[1].items()})
    with mock.patch.object(rehearsal, "_check_gradients", lambda gradients, noised: real(views(noised), noised)):
        rehearse(*arguments, **more)


REHEARSALS = {"no check": unchecked, "checked after the noise": checked_after_the_noise}


class Steep(LinearLoss):
    """Nearly all of the gradient is the bias's."""

    def __call__(self, parameters, drawn):
        return 100 * super().__call__(parameters, drawn)


def law_of_the_whole_vector(make: Make, folder) -> None:
    """All of a patient's gradient is clipped together and noised: no layer gets past."""
    assert moved(lambda: replace(make(), loss=Steep), folder, toy_cohort(9, scale=1e-3)) <= C
    seen = watch(make(), folder, Cohort({}), training=ONE_STEP)
    assert bool(seen.released[0].all())


def past_the_clipping(*step, **more) -> torch.Tensor:
    """The norm is that of the layers with a hook; the bias of a custom layer has none."""
    hooked = {"factors": lambda gradients, clipping_norm: clip_factors(gradients[:, :12], clipping_norm)}
    return clipped_sum(*step, **(more | hooked))


def past_the_noise(total: torch.Tensor, std: float, stream: SecureStream) -> torch.Tensor:
    return torch.cat([add_gaussian_noise(total[:12], std, stream), total[12:]])


HOOKS = {
    "past the clipping": lambda: Parts(sum=past_the_clipping),
    "past the noise": lambda: Parts(noise=past_the_noise),
}


def test_a_parameter_without_a_per_patient_gradient_silently_skipped(tmp_path):
    judge(lambda check: law_of_every_parameter(check, tmp_path), rehearse, REHEARSALS)
    judge(lambda make: law_of_the_whole_vector(make, tmp_path), Parts, HOOKS)
