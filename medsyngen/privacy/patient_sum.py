"""One clipped vector a patient, summed and noised once: means, shares and other sums over a whole cohort."""

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
    """Returns what one :func:`noised_mean` does to privacy: charge it before the call."""
    return Gaussian(noise_multiplier)


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
    """Returns the sum of the patients' clipped vectors plus Gaussian noise on every entry, divided by N_max.

    Guarantee: each patient adds one vector, computed from this patient's record alone and brought to a norm of at
    most C over all its entries together, classes included; one that is not finite is zero, and none can raise. So
    adding or removing a patient moves the float64 sum by at most C, and with noise of standard deviation sigma_DP C on
    every entry, empty ones too, this is a Gaussian mechanism of noise multiplier sigma_DP (:func:`sum_event`), for
    ``stream`` from the operating system's entropy. The denominator is the public N_max. Nothing else leaves the
    function; the order of the patients changes the sum by rounding alone.

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
    if not 0 < clipping_norm < float("inf"):
        raise ValueError(f"clipping_norm must be positive, got {clipping_norm}")
    check_patients(cohort, patients_at_most)
    mechanism = mechanism or GaussianSum()
    total = torch.zeros(entries, dtype=torch.float64)
    for record in cohort.values():
        row = vector(record).detach().cpu().double().reshape(1, entries)
        add_clipped(total, row, mechanism.factors(row, clipping_norm), 1)
    return mechanism.release(total, noise_multiplier * clipping_norm, stream) / patients_at_most
