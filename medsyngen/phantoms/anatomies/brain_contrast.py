"""How bright each tissue of the head is, by the sequence: relaxation times into the signal equation."""

from __future__ import annotations

import numpy as np

from medsyngen.phantoms.anatomies.slice_shapes import Columns, F

TISSUES: dict[str, tuple[float, float, float]] = {
    "csf": (4200.0, 1500.0, 1.0),
    "grey": (833.0, 83.0, 0.86),
    "white": (500.0, 70.0, 0.77),
    "fat": (350.0, 70.0, 1.0),
    "muscle": (900.0, 47.0, 0.9),
    "bone": (500.0, 5.0, 0.08),
    "lesion": (1200.0, 150.0, 0.95),
}
"""T1 in ms at 1.5 T, T2 in ms, proton density: BrainWeb (Kwan et al. 1999), but for cerebrospinal fluid, where BrainWeb
has T1 = 2569 ms; free water at body heat has 4 to 4.5 s (Lu et al. 2005), which is what FLAIR's inversion times null.
Bone and lesion (oedema) are round figures."""

SEQUENCES: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "T1 spin echo": ((400.0, 700.0), (10.0, 20.0), (0.0, 0.0)),
    "T1 inversion gradient echo": ((1900.0, 2400.0), (3.0, 5.0), (850.0, 1000.0)),
    "proton density": ((2500.0, 4000.0), (15.0, 30.0), (0.0, 0.0)),
    "T2 spin echo": ((3500.0, 6000.0), (85.0, 120.0), (0.0, 0.0)),
    "FLAIR": ((8000.0, 10000.0), (100.0, 140.0), (2100.0, 2500.0)),
}
"""Repetition, echo and inversion time in ms, from the shortest to the longest of common head protocols."""

FIELD_EXPONENT = 0.35
"""T1 of tissue grows about as the field to this power (Bottomley et al. 1984); free water's does not."""


def signals(p: Columns) -> Columns:
    """Returns the signal of every tissue, (count, 1, 1), as parts of the full scale.

    The brain's mean is ``brightness``, less where white matter or fluid is so bright that it would leave the scale.

    S = PD · |1 - 2·exp(-TI/T1) + exp(-TR/T1)| · exp(-TE/T2); without an inversion (TI = 0) that is the spin echo's
    PD · (1 - exp(-TR/T1)) · exp(-TE/T2). ``deep`` is the signal of the deep nuclei.

    Args:
        p: Columns ``sequence``, ``recovery``, ``echo``, ``field_strength``, ``fat``, ``deep_grey``, ``brightness``.
    """
    tr, te, ti = _times(p)
    stretch = (p["field_strength"] / np.float32(1.5)) ** np.float32(FIELD_EXPONENT)
    out: Columns = {}
    for tissue, (t1, t2, density) in TISSUES.items():
        longitudinal = np.float32(t1) * (1 if tissue == "csf" else stretch)
        recovered = np.abs(1 - 2 * np.exp(-ti / longitudinal) + np.exp(-tr / longitudinal))
        out[tissue] = np.float32(density) * recovered * np.exp(-te / np.float32(t2))
    out["fat"] = out["fat"] * p["fat"]
    out["deep"] = out["white"] + p["deep_grey"] * (out["grey"] - out["white"])
    mean = np.float32(0.5) * (out["grey"] + out["white"])
    reference = np.maximum(np.maximum(mean, np.float32(0.85) * out["white"]), np.float32(0.5) * out["csf"])
    gain = p["brightness"] / reference
    return {tissue: gain * signal for tissue, signal in out.items()}


def _times(p: Columns) -> tuple[F, F, F]:
    """Returns repetition, echo and inversion time, ms."""
    kind = np.minimum(p["sequence"].astype(np.int64), len(SEQUENCES) - 1)
    ranges = np.array(list(SEQUENCES.values()), np.float32)[kind]  # (count, 1, 1, time, end)
    low, high = ranges[..., 0], ranges[..., 1]
    place = (p["recovery"], p["echo"], p["recovery"])
    tr, te, ti = (low[..., k] + place[k] * (high[..., k] - low[..., k]) for k in range(3))
    return tr, te, ti
