"""One patient moves a sum over patients by at most C, whatever the record; the noise is on every entry."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toys import toy_cohort

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import InputUnusable
from medsyngen.privacy.clipping import add_clipped, clip_factors
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.patient_sum import noised_mean, sum_event
from medsyngen.randomness import secure_generator, seeded_generator_for_tests
from medsyngen.scan import PatientKey

ENTRIES = 6
HOSTILE = st.sampled_from([0.0, 1.0, -3.0, 1e30, -3e38, float("inf"), float("nan"), 1e-40])
ROWS = st.lists(st.lists(HOSTILE, min_size=ENTRIES, max_size=ENTRIES), min_size=1, max_size=5)
NORMS = st.floats(1e-3, 1e3)


class Bare(GaussianSum):
    """The sum as it is before the noise."""

    private = False

    def release(self, total: Tensor, std: float, stream: object) -> Tensor:
        return total


def cohort_of(rows: list[list[float]]) -> Cohort:
    records = [PatientRecord(np.array(row, np.float32).reshape(1, 1, 2, 3), np.zeros(1, np.int64)) for row in rows]
    return Cohort({PatientKey(f"p{i}"): record for i, record in enumerate(records)})


def pixels_of(record: PatientRecord) -> Tensor:
    return torch.from_numpy(record.pixels).flatten()


Sum = Callable[[Cohort, float], Tensor]


def bare_total(cohort: Cohort, clipping_norm: float) -> Tensor:
    """The sum over all patients; the function divides by N_max, here by five."""
    return 5 * noised_mean(
        cohort,
        pixels_of,
        entries=ENTRIES,
        clipping_norm=clipping_norm,
        noise_multiplier=1.0,
        patients_at_most=5,
        stream=secure_generator(),
        mechanism=Bare(),
    )


def law_of_one_patient(total: Sum, rows: list[list[float]], clipping_norm: float) -> None:
    cohort = cohort_of(rows)
    whole = total(cohort, clipping_norm)
    assert bool(whole.isfinite().all())
    for patient in cohort:
        moved = whole - total(cohort.without(patient), clipping_norm)
        assert moved.norm().item() <= clipping_norm


@given(ROWS, NORMS)
def test_one_patient_moves_the_sum_by_at_most_c(rows: list[list[float]], clipping_norm: float):
    law_of_one_patient(bare_total, rows, clipping_norm)


def clipped_class_by_class(cohort: Cohort, clipping_norm: float) -> Tensor:
    halves = [pixels_of(record).double().view(2, 3) for record in cohort.values()]
    total = torch.zeros(2, 3, dtype=torch.float64)
    for half in halves:
        factors = clip_factors(half, clipping_norm)
        total += torch.where(half.isfinite(), half, 0.0) * factors[:, None]
    return total.flatten()


def divided_by_who_is_there(cohort: Cohort, clipping_norm: float) -> Tensor:
    return 5 * bare_total(cohort, clipping_norm) / max(1, len(cohort))


def not_finite_kept(cohort: Cohort, clipping_norm: float) -> Tensor:
    total = torch.zeros(ENTRIES, dtype=torch.float64)
    for record in cohort.values():
        row = pixels_of(record).double()
        total += row * (clipping_norm / row.norm()).clamp_max(1.0)
    return total


def not_clipped(cohort: Cohort, clipping_norm: float) -> Tensor:
    total = torch.zeros(ENTRIES, dtype=torch.float64)
    for record in cohort.values():
        add_clipped(total, pixels_of(record).double()[None], torch.ones(1, dtype=torch.float64), 1)
    return total


SUMS: dict[str, Sum] = {
    "clipped class by class": clipped_class_by_class,
    "the mean over who is there": divided_by_who_is_there,
    "not finite kept": not_finite_kept,
    "not clipped": not_clipped,
}
LONG = [[3.0, 4.0, 0.0, -3.0, 4.0, 1.0], [-30.0, 40.0, 0.0, 5.0, -9.0, 2.0], [float("nan")] + [1.0] * 5]


@pytest.mark.parametrize("wrong", SUMS)
def test_the_law_catches_each_wrong_sum(wrong: str):
    law_of_one_patient(bare_total, LONG, 1.0)
    with pytest.raises(AssertionError):
        law_of_one_patient(SUMS[wrong], LONG, 1.0)


@given(st.lists(st.lists(st.floats(-2, 2), min_size=ENTRIES, max_size=ENTRIES), min_size=1, max_size=5))
def test_the_order_of_the_patients_does_not_matter(rows: list[list[float]]):
    torch.testing.assert_close(
        bare_total(cohort_of(rows), 1.0), bare_total(cohort_of(rows[::-1]), 1.0), rtol=0, atol=1e-12
    )


Released = Callable[[Cohort, int], Tensor]


def released(cohort: Cohort, seed: int, entries: int = 40) -> Tensor:
    return noised_mean(
        cohort,
        lambda record: torch.cat([pixels_of(record)[:3], torch.zeros(entries - 3)]),
        entries=entries,
        clipping_norm=0.5,
        noise_multiplier=2.0,
        patients_at_most=10,
        stream=seeded_generator_for_tests(seed),
    )


def law_of_the_noise(release: Released) -> None:
    """On an empty cohort every entry has standard deviation sigma_DP C / N_max, and is independent of the others."""
    noise = torch.stack([release(Cohort({}), seed) for seed in range(300)]) / (2.0 * 0.5 / 10)
    entries = noise.square().mean(0)
    bound = 7 * math.sqrt(2 / 300)  # of a mean of 300 squares, seven of its standard deviations
    assert (entries - 1).abs().max().item() < bound
    assert (noise[:, :-1] * noise[:, 1:]).mean(0).abs().max().item() < bound


def on_entries_that_hold_something(cohort: Cohort, seed: int) -> Tensor:
    return released(cohort, seed) * torch.cat([torch.ones(3), torch.zeros(37)])


def one_value_for_all(cohort: Cohort, seed: int) -> Tensor:
    return released(cohort, seed)[:1].expand(40)


def divided_by_the_real_number(cohort: Cohort, seed: int) -> Tensor:
    return released(cohort, seed) * 10 / max(1, len(cohort))


def half_of_it_twice(cohort: Cohort, seed: int) -> Tensor:
    half = released(cohort, seed)[:20]
    return half.repeat_interleave(2)


NOISES: dict[str, Released] = {
    "on filled entries alone": on_entries_that_hold_something,
    "one value for all": one_value_for_all,
    "by the real number of patients": divided_by_the_real_number,
    "half of it copied": half_of_it_twice,
}


def test_noise_is_on_every_entry():
    law_of_the_noise(released)


@pytest.mark.parametrize("wrong", NOISES)
def test_the_law_of_the_noise_catches(wrong: str):
    with pytest.raises(AssertionError):
        law_of_the_noise(NOISES[wrong])


def test_two_calls_draw_other_noise_and_the_event_says_what_ran():
    assert not torch.equal(released(toy_cohort(3), 1), released(toy_cohort(3), 2))
    assert sum_event(2.0) == Gaussian(2.0)


def test_more_patients_than_n_max_are_refused():
    with pytest.raises(InputUnusable, match="patients_at_most"):
        bare_total(toy_cohort(6), 1.0)


@pytest.mark.parametrize("clipping_norm", [0.0, -1.0, float("inf"), float("nan")])
def test_a_clipping_norm_that_is_none_is_refused(clipping_norm: float):
    with pytest.raises(ValueError, match="clipping_norm"):
        bare_total(cohort_of([[1.0] * 6]), clipping_norm)
