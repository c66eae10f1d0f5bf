"""How the report prints its numbers: ε, δ and every bound are rounded up, never in the report's favour."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def epsilon_text(epsilon: float) -> str:
    """Returns ε rounded up to two decimals; "0" only for exactly 0."""
    return "0" if epsilon == 0 else f"{_up(epsilon, Decimal('0.01')):,}"


def delta_text(delta: float) -> str:
    """Returns δ rounded up to two significant digits, for instance 2.0 × 10⁻⁵; "0" only for exactly 0."""
    if delta == 0:
        return "0"
    if delta >= 0.01:
        return str(_up(delta, Decimal("0.001")))
    exponent = Decimal(repr(delta)).adjusted()
    mantissa = _up(delta, Decimal(1).scaleb(exponent - 1)).scaleb(-exponent)
    if mantissa >= 10:  # 9.96 rounds up to 10
        mantissa, exponent = mantissa / 10, exponent + 1
    return f"{mantissa:.1f} × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def pair_text(epsilon: float, delta: float) -> str:
    """Returns ε and δ together; neither is ever printed alone."""
    return f"ε = {epsilon_text(epsilon)} and δ = {delta_text(delta)}"


def percent_text(share: float) -> str:
    """Returns a probability in percent, rounded up to two decimals."""
    return f"{min(_up(share * 100, Decimal('0.01')), Decimal('100.00'))} %"


def number_text(value: float) -> str:
    """Returns a plain number with six significant digits at most: "40,000", "0.05"."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.6g}"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun: "1 look", "1,200 steps"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def guess_bound(epsilon: float, delta: float, delta_at_zero: float | None = None) -> float:
    """Returns the largest chance of guessing right, from even odds, whether one patient's record was in the cohort.

    With the total variation distance δ(0): (1 + δ(0)) / 2. Without it, from (ε, δ) alone:
    (e^ε + δ) / (e^ε + 1) (Kairouz, Oh, Viswanath 2015, the corner of the privacy region where both errors are equal).
    """
    if delta_at_zero is not None:
        return (1 + delta_at_zero) / 2
    shrink = math.exp(-epsilon)
    return min(1.0, (1 + delta * shrink) / (1 + shrink))


def group_privacy(epsilon: float, delta: float, keys: int) -> tuple[float, float]:
    """Returns (ε, δ) for a person filed under several keys: (kε, δ (e^{kε} - 1) / (e^ε - 1)), δ at most 1.

    Source: Dwork and Roth (2014), theorem 2.2 and the sum that its proof for δ > 0 gives.
    """
    weight = math.fsum(math.exp(min(i * epsilon, 700.0)) for i in range(keys))
    return keys * epsilon, min(1.0, delta * weight)


def _up(value: float, step: Decimal) -> Decimal:
    return Decimal(repr(value)).quantize(step, rounding=ROUND_CEILING)
