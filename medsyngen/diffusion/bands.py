"""The three bands of noise levels: coarse, context, cleaning (DP-SynGen, arXiv 2412.09842).

Noise levels sigma are EDM's (Karras et al. 2022, arXiv 2206.00364), for data in [-1, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

REFERENCE_PIXELS = 28 * 28
"""The published edges were given for 28 x 28 pixels."""


@dataclass(frozen=True)
class NoiseBand:
    """An interval of noise levels, ``low`` <= sigma < ``high``.

    Args:
        name: ``coarse``, ``context`` or ``cleaning``.
        low: Smallest sigma.
        high: Largest sigma.
    """

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"{self.name}: band needs 0 < low < high, got {self.low} and {self.high}")

    def __contains__(self, sigma: float) -> bool:
        return self.low <= sigma < self.high


BANDS = ("coarse", "context", "cleaning")
"""Every band, from strong noise to weak."""

PUBLIC_BANDS = {
    "all": frozenset(BANDS),
    "both": frozenset({"coarse", "cleaning"}),
    "coarse": frozenset({"coarse"}),
    "cleaning": frozenset({"cleaning"}),
    "none": frozenset[str](),
}
"""Which bands phantoms serve; private scans serve the others. Only with ``all`` they serve none."""


def private_bands(public_bands: str) -> tuple[str, ...]:
    """Returns the names of the bands that private scans serve; none only if phantoms serve every one.

    Args:
        public_bands: Key of :data:`PUBLIC_BANDS`.
    """
    return tuple(name for name in BANDS if name not in PUBLIC_BANDS[public_bands])


@dataclass(frozen=True)
class StageBands:
    """Where cleaning ends and coarse begins, as ln sigma at 28 x 28 pixels.

    Both edges are public: they are set by the recipe and never fitted to private scans.

    Args:
        cleaning_edge: ln sigma below which phantoms clean (published: -3).
        context_edge: ln sigma above which phantoms lay out, at 28 x 28 pixels (published: 2).
        sigma_min: Where sampling ends, and the smallest noise level that is learned.
    """

    cleaning_edge: float = -3.0
    context_edge: float = 2.0
    sigma_min: float = 0.002

    def __post_init__(self) -> None:
        if not math.log(self.sigma_min) < self.cleaning_edge < self.context_edge:
            raise ValueError(
                "bands need ln(sigma_min) < cleaning_edge < context_edge, got "
                f"{math.log(self.sigma_min):.2f}, {self.cleaning_edge}, {self.context_edge}"
            )

    def sigma_max(self, pixels: int) -> float:
        """Returns the largest noise level for images of this many pixels: 80 max(1, sqrt(d) / 28)."""
        return 80.0 * max(1.0, math.sqrt(pixels / REFERENCE_PIXELS))

    def split(self, pixels: int) -> tuple[NoiseBand, NoiseBand, NoiseBand]:
        """Returns (coarse, context, cleaning) for images of this many pixels.

        The context edge moves by 0.5 ln(d / 784): a global pattern in more pixels survives more noise.
        """
        cleaning = math.exp(self.cleaning_edge)
        context = math.exp(self.context_edge + 0.5 * math.log(pixels / REFERENCE_PIXELS))
        top = self.sigma_max(pixels)
        if not cleaning < context < top:
            raise ValueError(f"at {pixels} pixels the context edge {context:.3g} leaves no room between the bands")
        return (
            NoiseBand("coarse", context, math.nextafter(top, math.inf)),
            NoiseBand("context", cleaning, context),
            NoiseBand("cleaning", self.sigma_min, cleaning),
        )

    def stages(self, pixels: int, public_bands: str = "both") -> tuple[tuple[NoiseBand, bool], ...]:
        """Returns (band, whether phantoms serve it) from coarse to cleaning, with private neighbours made one.

        Args:
            pixels: Of an image.
            public_bands: Key of :data:`PUBLIC_BANDS`.
        """
        found: list[tuple[NoiseBand, bool]] = []
        for band in self.split(pixels):
            public = band.name in PUBLIC_BANDS[public_bands]
            if found and not public and not found[-1][1]:
                above = found.pop()[0]
                band = NoiseBand(f"{above.name} and {band.name}", band.low, above.high)
            found.append((band, public))
        return tuple(found)

    def private_band(self, pixels: int, public_bands: str = "both") -> NoiseBand:
        """Returns the noise levels that private scans serve: the context band and what adjoins it.

        Raises:
            ValueError: Phantoms serve every band.
        """
        for band, public in self.stages(pixels, public_bands):
            if not public:
                return band
        raise ValueError(f"with public_bands {public_bands!r} phantoms serve every band: there is no private one")
