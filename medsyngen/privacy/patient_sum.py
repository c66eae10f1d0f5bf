"""One clipped vector a patient, summed and noised once: means, shares and other sums over a whole cohort.

Nothing here charges: the caller does, before :func:`noised_mean_of` or :func:`noised_mean`, or takes
:func:`medsyngen.privacy.one_sum.sum_privately`, which reads, charges and sums.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy.clipping import add_clipped
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.mechanism import GaussianSum, Mechanism
from medsyngen.privacy.preconditions import check_patients
from medsyngen.randomness import SecureStream

PatientVector = Callable[[PatientRecord], Tensor]
"""A patient's record -> float64 (entries,), over all classes at once; its length never depends on the record."""


def sum_event(noise_multiplier: float) -> Gaussian:
    """Returns what one noised mean does to privacy: charge it before the call."""
    return Gaussian(noise_multiplier)


def patient_rows(cohort: Cohort, vector: PatientVector, entries: int) -> Tensor:
    """Returns every patient's vector, float64 (patients, entries): private, and for :func:`noised_mean_of` alone.

    All that may fail because of a record, as memory may, fails here: nothing is released by reading, so it needs no
    charge, and what fails has cost none.

    Args:
        cohort: The private cohort; it may be empty.
        vector: A patient's vector; a fixed, public function that draws nothing.
        entries: Length of every patient's vector, public.
    """
    rows = torch.zeros((len(cohort), entries), dtype=torch.float64)
    for row, record in zip(rows, cohort.values(), strict=True):
        row.copy_(vector(record).detach().reshape(entries))
    return rows


def noised_mean(
    cohort: Cohort,
    vector: PatientVector,
    *,
    entries: int,
    clipping_norm: float,
    noise_multiplier: float,
    patients_at_most: int,
    stream: SecureStream,
    mechanism: Mechanism | None = None,
) -> Tensor:
    """Returns the noised mean of the patients' vectors: :func:`patient_rows`, then :func:`noised_mean_of`.

    Guarantee: that of :func:`noised_mean_of`, for vectors that are each computed from one patient's record alone. A
    vector that may fail, for want of memory or otherwise, is read before its sum is charged: in two steps, not here.

    Args:
        cohort: The private cohort; it may be empty.
        vector: A patient's vector; a fixed, public function that draws nothing.
        entries: Length of every patient's vector, public.
        clipping_norm: C.
        noise_multiplier: sigma_DP.
        patients_at_most: N_max, public.
        stream: A stream that is used for nothing else.
        mechanism: Left out but in tests.

    Returns:
        float64 (entries,).

    Raises:
        InputUnusable: More patients than N_max.
        ValueError: C is not positive.
    """
    check_patients(cohort, patients_at_most)
    return noised_mean_of(
        patient_rows(cohort, vector, entries),
        clipping_norm=clipping_norm,
        noise_multiplier=noise_multiplier,
        patients_at_most=patients_at_most,
        stream=stream,
        mechanism=mechanism,
    )


def noised_mean_of(
    rows: Tensor,
    *,
    clipping_norm: float,
    noise_multiplier: float,
    patients_at_most: int,
    stream: SecureStream,
    mechanism: Mechanism | None = None,
) -> Tensor:
    """Returns the sum of the patients' clipped vectors plus Gaussian noise on every entry, divided by N_max.

    Guarantee: each patient adds one vector, a row that was computed from this patient's record alone, brought to a
    norm of at most C over all its entries together, classes included; one that is not finite is zero, and none can
    raise. So adding or removing a patient moves the float64 sum by at most C, and with noise of standard deviation
    sigma_DP C on every entry, empty ones too, this is a Gaussian mechanism of noise multiplier sigma_DP
    (:func:`sum_event`), for ``stream`` from the operating system's entropy. The denominator is the public N_max.
    Nothing else leaves the function; the order of the patients changes the sum by rounding alone.

    Args:
        rows: Of :func:`patient_rows`.
        clipping_norm: C.
        noise_multiplier: sigma_DP.
        patients_at_most: N_max, public; no fewer than there are rows.
        stream: A stream that is used for nothing else.
        mechanism: Left out but in tests.

    Returns:
        float64 (entries,).

    Raises:
        ValueError: C is not positive.
    """
    if not 0 < clipping_norm < float("inf"):
        raise ValueError(f"clipping_norm must be positive, got {clipping_norm}")
    mechanism = mechanism or GaussianSum()
    total = torch.zeros(rows.shape[1], dtype=torch.float64)
    for i in range(len(rows)):  # each alone, so that no row's rounding depends on who else is there
        row = rows[i : i + 1]
        add_clipped(total, row, mechanism.factors(row, clipping_norm), 1)
    return mechanism.release(total, noise_multiplier * clipping_norm, stream) / patients_at_most
