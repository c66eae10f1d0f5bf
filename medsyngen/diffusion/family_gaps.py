"""The gap between two families of public images at each noise level: in closed form, as measured, and its floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medsyngen.diffusion.band_gaps import GapCurve, divergence_of_spectra, gap_of_spectra, mean_and_spectrum
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.measured_gaps import SHORT_TRAINING, GapAt, measure_gaps, train_denoiser
from medsyngen.diffusion.training import DrawPhantoms, PublicTraining
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams

LOG_SIGMAS = tuple(float(x) for x in np.arange(-6.0, 6.01, 0.5))
"""From below the smallest noise level to above the largest at 64 pixels."""

SPECTRUM_IMAGES = 1024
"""Images a mean and a spectrum are estimated from: the means' own error adds about 0.001 to the gap of networks."""

MEASURED_IMAGES = 128


@dataclass(frozen=True)
class FamilyGaps:
    """What was found, on images of the first family.

    Args:
        closed: The closed form for Gaussians of the families' means and spectra.
        measured: Two networks, one trained on each family.
        floor: Two networks, both trained on the first family from different seeds.
        coarse_nats: Closed form: divergence that all noise levels above the context edge contribute.
        cleaning_nats: The same below the cleaning edge.
    """

    closed: GapCurve
    measured: tuple[GapAt, ...]
    floor: tuple[GapAt, ...]
    coarse_nats: float
    cleaning_nats: float


def family_gaps(
    first: DrawPhantoms,
    second: DrawPhantoms,
    size: int,
    *,
    seed: int = 0,
    training: PublicTraining = SHORT_TRAINING,
    names: tuple[str, str] = ("first", "second"),
    progress: Progress = silent,
) -> FamilyGaps:
    """Draws both families, trains three networks on them, and measures.

    All three networks have different seeds: shared first weights would make two networks alike where neither learned
    anything, and the gap would be held against a floor that has no such help.

    Args:
        first: The family that noised images are of.
        second: The other one.
        size: Pixels a side.
        seed: Public.
        training: Of each network.
        names: What the progress calls the families.
        progress: Told after each step.
    """
    streams = Streams(seed)

    def train(draw: DrawPhantoms, name: str, number: int) -> nn.Module:
        own = Streams(streams.torch_seed("network", number))
        phase = f"network {number} of 3, {name}"
        return train_denoiser(draw, size, streams=own, training=training, phase=phase, progress=progress)

    one, other, again = train(first, names[0], 1), train(second, names[1], 2), train(first, names[0], 3)
    spectra = [
        mean_and_spectrum(draw(SPECTRUM_IMAGES, streams.numpy("spectrum", number)))
        for number, draw in enumerate((first, second))
    ]
    fresh = first(MEASURED_IMAGES, streams.numpy("measured images"))
    measured, floor = measure_gaps(one, (other, again), fresh, LOG_SIGMAS, streams=streams, progress=progress)
    coarse, cleaning = outer_nats(*spectra[0], *spectra[1], size)
    return FamilyGaps(
        closed=gap_of_spectra(*spectra[0], *spectra[1], np.exp(LOG_SIGMAS).tolist()),
        measured=measured,
        floor=floor,
        coarse_nats=coarse,
        cleaning_nats=cleaning,
    )


def outer_nats(
    mean1: NDArray[np.float64],
    spectrum1: NDArray[np.float64],
    mean2: NDArray[np.float64],
    spectrum2: NDArray[np.float64],
    size: int,
    bands: StageBands | None = None,
) -> tuple[float, float]:
    """Returns the divergence that the coarse and the cleaning band contribute, in nats of a whole image.

    Args:
        mean1: As in :func:`medsyngen.diffusion.band_gaps.gap_of_spectra`.
        spectrum1: See there.
        mean2: See there.
        spectrum2: See there.
        size: Pixels a side.
        bands: The edges; the published ones if None.
    """
    coarse, _, cleaning = (bands or StageBands()).split(size**2)
    edges = [coarse.low, cleaning.high, cleaning.low]
    above = divergence_of_spectra(mean1, spectrum1, mean2, spectrum2, edges)
    return float(above[0]), float(above[2] - above[1])
