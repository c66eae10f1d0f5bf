"""Pitfalls of the sample: shuffled instead of Poisson, foreign samplers, seeds, empty samples."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from scipy.stats import binom
from toys import toy_cohort
from watched import N_MAX, C, Make, Parts, judge, watch

from medsyngen.cohort.cohort import Cohort
from medsyngen.privacy.dpsgd import DPSGD
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey

PATIENTS = [PatientKey(f"p{i:02d}") for i in range(40)]
Q, STEPS = 0.25, 400
RARE = 1e-12
"""Two-sided; no law below makes a hundred such checks, so that a false alarm comes in fewer than one of 10^10 runs."""
Draw = Callable[[list[PatientKey], float, object], list[PatientKey]]


def expected(count: int, n: int, p: float) -> bool:
    """Whether a count of n independent events of probability p is one that happens."""
    return min(binom.cdf(count, n, p), binom.sf(count - 1, n, p)) > RARE


# --- shuffled instead of Poisson


def law_of_poisson(make: Callable[[], Draw]) -> None:
    """Every patient is in with probability q, whatever the step before did and however many others are in."""
    draw, keys, n = make(), secure_generator(), len(PATIENTS)
    samples = [draw(PATIENTS, Q, keys.child(b"%d" % t)) for t in range(STEPS)]
    hits = np.array([[p in sample for p in PATIENTS] for sample in samples])
    sizes = np.array([len(sample) for sample in samples])
    assert (sizes == hits.sum(1)).all(), "a patient is in a sample twice"
    assert expected(int(hits.sum()), hits.size, Q), "another rate"
    assert all(expected(int(count), STEPS, Q) for count in hits.sum(0)), "not all at one rate"
    again = int((hits[0::2] & hits[1::2]).sum())
    assert expected(again, hits.size // 2, Q * Q), f"in two steps running: {again}"
    together = int((hits[:, 0::2] & hits[:, 1::2]).sum())
    assert expected(together, hits.size // 2, Q * Q), f"with a neighbour: {together}"
    usual = int((sizes == n * Q).sum())
    assert expected(usual, STEPS, binom.pmf(n * Q, n, Q)), f"samples of the nominal size: {usual}"
    large = int((sizes > 1.15 * n * Q).sum())
    assert expected(large, STEPS, binom.sf(int(1.15 * n * Q), n, Q)), f"samples above 1.15 times it: {large}"


def _rng() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(7))


def shuffled() -> Draw:
    """Passes over the shuffled cohort, cut into batches."""
    rng = _rng()
    batches = itertools.chain.from_iterable(
        np.array_split(rng.permutation(len(PATIENTS)), round(1 / Q)) for _ in itertools.count()
    )
    return lambda patients, q, step: [patients[i] for i in next(batches)]


def torchs_shuffling_loader() -> Draw:
    def draw(patients, q, step):
        if not waiting:
            generator = torch.Generator().manual_seed(int(rng.integers(1 << 60)))
            loader = torch.utils.data.DataLoader(
                range(len(patients)), round(q * len(patients)), True, generator=generator
            )
            waiting.extend(batch.tolist() for batch in loader)
        return [patients[i] for i in waiting.pop()]

    rng, waiting = _rng(), []
    return draw


def balls_and_bins() -> Draw:
    """In every pass each patient is thrown into one of the batches: sizes vary, but nobody is in two."""
    rng, waiting = _rng(), []

    def draw(patients, q, step):
        if not waiting:
            bins = rng.integers(round(1 / q), size=len(patients))
            waiting.extend(np.flatnonzero(bins == b) for b in range(round(1 / q)))
        return [patients[i] for i in waiting.pop()]

    return draw


def a_fixed_number() -> Draw:
    return lambda patients, q, step: [patients[i] for i in step.choose(len(patients), round(q * len(patients)))]


def capped() -> Draw:
    """A Poisson sample cut at 1.15 times its mean, to bound memory."""
    return lambda patients, q, step: draw_patients(patients, q, step)[: int(1.15 * q * len(patients))]


def neighbours_together() -> Draw:
    """One coin for two patients: a family, a file of scans."""
    return lambda patients, q, step: [p for i, p in enumerate(patients) if step.coin(b"%d" % (i // 2)) < q]


SAMPLERS = {
    "shuffled passes": shuffled,
    "torch's shuffling loader": torchs_shuffling_loader,
    "balls and bins": balls_and_bins,
    "a fixed number of patients": a_fixed_number,
    "cut at 1.15 times the mean": capped,
    "neighbours drawn together": neighbours_together,
}


def test_shuffled_instead_of_poisson():
    judge(law_of_poisson, lambda: draw_patients, SAMPLERS)


# --- foreign samplers: what is charged is not what is drawn

MANY = DPSGD(steps=400, patients_per_step=5, block=400, clipping_norm=C)
UNEVEN = toy_cohort(16)


class Still(TrainingState):
    """Weights that don't move: only the samples are looked at."""

    def update(self, gradient, *more) -> None: ...

    def save(self, path, **facts) -> None: ...


def only_drawing(parts: Parts) -> Parts:
    def nothing(*step, **more) -> torch.Tensor:
        return torch.zeros(15, dtype=torch.float64)

    return replace(parts, sum=nothing, noise=lambda total, std, stream: total, state=Still)


def law_of_the_charged_rate(make: Make, folder) -> None:
    """Each patient takes part as often as the q in the ledger says, however many scans there are."""
    seen = watch(only_drawing(make()), folder, UNEVEN, training=MANY, sigma=20.0)
    (event,) = seen.events()
    steps, q = event.count, event.event.sampling_probability
    assert len(seen.sampled) == steps
    for patient in UNEVEN:
        times = sum(sample.count(patient) for sample in seen.sampled)
        assert expected(times, steps, q), f"{times} of {steps} steps at q = {q}"


def weighted_by_scans() -> Parts:
    """PyTorch's weighted sampler, for classes that are rare or patients with many scans."""
    weights = [len(UNEVEN[p].pixels) for p in UNEVEN]
    generator = torch.Generator().manual_seed(3)

    def draw(patients, q, step):
        keys, count = list(patients), round(q * len(weights))
        sampler = torch.utils.data.WeightedRandomSampler(weights, count, generator=generator)
        return [keys[i] for i in sampler]

    return Parts(draw=draw)


def scans_drawn_not_patients() -> Parts:
    """A patient takes part if any of its scans is drawn: more often than q."""

    def draw(patients, q, step):
        return [p for p in patients if (step.child(p.to_bytes()).uniform(len(UNEVEN[p].pixels)) < q).any()]

    return Parts(draw=draw)


FOREIGN = {
    "weighted by scans": weighted_by_scans,
    "scans drawn, not patients": scans_drawn_not_patients,
    "twice the rate": lambda: Parts(draw=lambda patients, q, step: draw_patients(patients, 2 * q, step)),
}


def test_a_foreign_sampler_draws_at_another_rate_than_is_charged(tmp_path):
    judge(lambda make: law_of_the_charged_rate(make, tmp_path), Parts, FOREIGN)


# --- private sampling from a seeded stream


def law_of_secret_samples(make: Make, folder) -> None:
    """Two runs of one recipe on one cohort don't draw the same patients; by chance they would in 2^-94 of cases."""
    runs = [watch(only_drawing(make()), folder, toy_cohort(20), sigma=20.0).sampled for _ in range(2)]
    assert runs[0] != runs[1]


def drawn_from_the_recipes_seed() -> Parts:
    rng = np.random.Generator(np.random.PCG64(0))
    return Parts(draw=lambda patients, q, step: [p for p in sorted(patients) if rng.random() < q])


def drawn_from_the_steps_number() -> Parts:
    numbers = itertools.count()

    def draw(patients, q, step):
        rng = np.random.Generator(np.random.PCG64(next(numbers)))
        return [p for p in sorted(patients) if rng.random() < q]

    return Parts(draw=draw)


SEEDED = {"the recipe's seed": drawn_from_the_recipes_seed, "the step's number": drawn_from_the_steps_number}


def test_private_sampling_from_a_seeded_stream(tmp_path):
    judge(lambda make: law_of_secret_samples(make, tmp_path), Parts, SEEDED)


# --- empty Poisson batch skipped


SIXTY = DPSGD(steps=60, patients_per_step=5, block=60, clipping_norm=C)


def law_of_empty_samples(make: Make, folder) -> None:
    """A step that draws nobody is charged, and releases noise on every entry, as large as ever."""
    nobody = watch(make(), folder, Cohort({}), training=SIXTY, sigma=3.0)
    assert len(nobody.released) == nobody.steps_charged() == 60
    noise = torch.stack(nobody.released) * 5 / 3.0  # released are averages over q N_max = 5
    assert bool((noise != 0).all())
    assert abs(float(noise.std()) - 1) < 7 / (2 * noise.numel()) ** 0.5
    rarely = DPSGD(steps=200, patients_per_step=N_MAX / 10, block=200, clipping_norm=C)
    one = watch(only_drawing(make()), folder, toy_cohort(1), training=rarely, sigma=20.0)
    assert expected(one.sampled.count([]), 200, 0.9)


def drawn_again_until_somebody_is_in() -> Parts:
    def draw(patients, q, step):
        tries = (draw_patients(patients, q, step.child(b"%d" % i)) for i in range(200))
        return next((sample for sample in tries if sample), [])

    return Parts(draw=draw)


def no_patients_no_noise() -> Parts:
    return Parts(noise=lambda total, std, stream: Parts().noise(total, std, stream) if total.any() else total)


def less_noise_for_fewer_patients() -> Parts:
    """The usual step is left out and a small one put in its place."""
    return Parts(noise=lambda total, std, stream: Parts().noise(total, std if total.any() else std / 10, stream))


SKIPPERS = {
    "drawn again": drawn_again_until_somebody_is_in,
    "no patients, no noise": no_patients_no_noise,
    "little noise on a zero sum": less_noise_for_fewer_patients,
}


def test_an_empty_poisson_batch_skipped(tmp_path):
    judge(lambda make: law_of_empty_samples(make, tmp_path), Parts, SKIPPERS)
