"""Which patients take part in a step: each one independently, with a probability fixed by the recipe."""

from __future__ import annotations

from collections.abc import Iterable

from medsyngen.randomness import SecureStream
from medsyngen.scan import PatientKey


def draw_patients(patients: Iterable[PatientKey], sampling_rate: float, step: SecureStream) -> list[PatientKey]:
    """Returns the Poisson sample of a step.

    Each patient's coin comes from the secret step key and the patient's own key alone.

    Guarantee: every patient is in with probability ``sampling_rate`` (to 2^-53), independently of everyone else;
    adding or removing a patient changes nobody else's coin. No cap, no replacement of an empty sample.

    Args:
        patients: The cohort's patients.
        sampling_rate: q in (0, 1].
        step: The stream of this step.

    Returns:
        The sampled patients, sorted, so that their order tells nothing of the files' order. May be empty.
    """
    if not 0 < sampling_rate <= 1:
        raise ValueError(f"sampling_rate must be in (0, 1], got {sampling_rate}")
    return sorted(p for p in patients if step.coin(b"take part\x00" + p.to_bytes()) < sampling_rate)
