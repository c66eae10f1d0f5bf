"""Percentile intervals that are not too narrow where few patients stand behind them."""

from __future__ import annotations

import math


def tail(confidence: float, patients: int | None = None) -> float:
    """Returns the share of resamples that is cut off at either end.

    Bootstrap percentiles are too narrow for few observations: they reckon with the variance of the sample, which is
    (n - 1) / n of the unbiased one, and with a normal quantile in place of Student's. Expanded percentiles cut off
    Phi(-sqrt(n / (n - 1)) t) in place of (1 - confidence) / 2 (Hesterberg 2015, arXiv 1411.5279, section 4.1).

    Args:
        confidence: Of the interval.
        patients: n, the fewest that a part of the figure rests on; None leaves the percentiles as they are.
    """
    half = (1 - confidence) / 2
    if patients is None:
        return half
    if patients < 2:
        return 0.0
    from scipy.stats import norm, t

    return float(norm.sf(math.sqrt(patients / (patients - 1)) * t.isf(half, patients - 1)))
