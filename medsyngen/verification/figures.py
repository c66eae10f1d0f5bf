"""How ε and δ are printed: rounded up, never in the release's favour. A second writing of the report's own rules."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal


def three_digits(value: float) -> str:
    """Returns a number rounded up to three significant digits, as the privacy sentence has it: ``8``, ``1e-5``."""
    if value == 0:
        return "0"
    exact = Decimal(repr(float(value)))
    unit = Decimal(1).scaleb(exact.adjusted() - 2)
    text = f"{float((exact / unit).to_integral_value(rounding=ROUND_CEILING) * unit):.3g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def two_decimals(value: float) -> str:
    """Returns ε rounded up to two decimals, as the page of the report has it."""
    return "0" if value == 0 else f"{Decimal(repr(float(value))).quantize(Decimal('0.01'), ROUND_CEILING):,}"


def pair(epsilon: float, delta: float, scans_read: bool) -> str:
    """Returns the words with which the privacy sentence begins."""
    return f"ε = {three_digits(epsilon)} at δ = {three_digits(delta)}" if scans_read else "ε = 0 and δ = 0"
