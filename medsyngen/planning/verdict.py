"""Whether so many patients suffice for DP-SGD, in words, and what to do if not."""

from __future__ import annotations

from typing import Literal

from medsyngen.privacy.budget import Budget, shown

FEW_PATIENTS = 2000
"""Below about this many patients DP-SGD drowns in its own noise at usual ε: methods that don't train do better."""
MUCH_NOISE = 0.02
"""Noise of the averaged gradient, per coordinate and in units of C, of 500 patients at ε = 10 (a sample of 250, 500
steps): some 80 times that of published image models."""
LITTLE_NOISE = 1e-3
"""At or below this, within a small factor of published image models."""
PUBLISHED_NOISE = 2.5e-4
"""That of published image models at ε = 10, per image: 2e-4 to 3e-4 (DPImageBench, arXiv 2503.14681)."""

Enough = Literal["yes", "borderline", "no"]


def enough_patients(patients_at_most: int, noise_per_coordinate: float) -> Enough:
    """Returns whether DP-SGD can learn from this many patients at this noise.

    Args:
        patients_at_most: N_max.
        noise_per_coordinate: σ_DP / (q·N_max), in units of C.
    """
    if patients_at_most < FEW_PATIENTS or noise_per_coordinate > MUCH_NOISE:
        return "no"
    return "yes" if noise_per_coordinate <= LITTLE_NOISE else "borderline"


PHANTOMS = (
    "a method that does not train on the patients, such as Private Evolution with phantoms, or phantoms alone "
    "(synthesis.public_bands: all; no privacy cost)"
)
VOTES = "votes alone (synthesis.public_bands: all): they then have the whole budget"
"""What does better than training on too few patients, by itself and beside votes."""


def verdict_in_words(
    patients: int, noise: float, noise_to_signal: float, budget: Budget, better: str = PHANTOMS
) -> str:
    """Returns the verdict as a paragraph: whether it suffices, how far off it is, what helps.

    Args:
        patients: N_max.
        noise: σ_DP / (q·N_max), in units of C.
        noise_to_signal: The same over the whole gradient: times √parameters.
        budget: ε and δ.
        better: What to do instead.
    """
    figure = (
        f"with up to {patients} patients and ε = {shown(budget.epsilon)} at δ = {shown(budget.delta)} per patient, the "
        f"noise in each coordinate of a step's averaged gradient is {shown(noise, 2)} of the clipping norm"
    )
    times = shown(noise / PUBLISHED_NOISE, 2)
    whole = f"over all weights together it is {shown(noise_to_signal, 2)} times the longest gradient there can be"
    match enough_patients(patients, noise):
        case "yes":
            return f"Enough for DP-SGD: {figure}, near that of published image models."
        case "borderline":
            return (
                f"Borderline for DP-SGD: {figure}, about {times} times that of published image models; {whole}. Expect "
                "overall tone and layout from the patients, not detail; phantoms carry the rest. What helps: a larger "
                "ε, more patients, more of them in each step (q·N), or fewer trained weights."
            )
        case "no":
            why = "too few patients" if patients < FEW_PATIENTS else "too much noise"
            return (
                f"Not enough for DP-SGD ({why}): {figure}, about {times} times that of published image models; "
                f"{whole}. Better: {better}; or pool more patients (from about {FEW_PATIENTS}). A larger ε, more "
                "patients in each step (q·N) or fewer trained weights help less."
            )
