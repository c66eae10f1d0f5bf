"""How much privacy may be spent, and how a figure about privacy is written down: rounded up, never ε alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from medsyngen.errors import BudgetRefused

UNIT = "patient"
ADJACENCY = "add or remove one patient's record"
MIN_DELTA = 1e-10
"""The smallest δ that the accountant resolves in float64 (see :mod:`medsyngen.privacy.accountant`)."""


@dataclass(frozen=True)
class Budget:
    """What may be spent on the patients, in all.

    The unit is the patient; neighbouring cohorts differ by one patient's record, added or removed.

    Args:
        epsilon: ε, positive and finite.
        delta: δ, in (0, 1). Use :func:`checked_delta` to hold it against the number of patients.

    Raises:
        ValueError: If a number is out of range.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0.0):
            raise ValueError(f"epsilon must be positive and finite, got {self.epsilon}")
        if not 0.0 < self.delta < 1.0:
            raise ValueError(f"delta must lie in (0, 1), got {self.delta}")


def default_delta(patients_at_most: int) -> float:
    """Returns min(1e-5, 1 / (100·N_max)).

    Args:
        patients_at_most: N_max, the public upper bound on the number of patients, at least 1.

    Raises:
        ValueError: If N_max is below 1.
    """
    if patients_at_most < 1:
        raise ValueError(f"patients_at_most must be at least 1, got {patients_at_most}")
    return min(1e-5, 1.0 / (100.0 * patients_at_most))


def checked_delta(delta: float | None, patients_at_most: int) -> float:
    """Returns δ, or the default where it is None, once it is known to protect every single patient.

    With δ near 1/N a mechanism may publish one whole patient at random and still satisfy (0, δ); hence the bound.

    Args:
        delta: δ as asked for, or None for :func:`default_delta`.
        patients_at_most: N_max.

    Raises:
        BudgetRefused: If δ exceeds 1 / (10·N_max), or lies below what the accountant resolves.
        ValueError: If N_max is below 1.
    """
    usual = default_delta(patients_at_most)
    chosen = usual if delta is None else delta
    largest = 1.0 / (10.0 * patients_at_most)
    if not 0.0 < chosen <= largest:
        raise BudgetRefused(
            f"delta = {chosen:g} is not allowed for up to {patients_at_most} patients: "
            f"it must lie in (0, 1/(10·N_max)] = (0, {largest:.3g}]",
            do=f"leave delta out (then it is {usual:g}) or choose a smaller one",
        )
    if chosen < MIN_DELTA:
        raise BudgetRefused(
            f"delta = {chosen:g} is smaller than the accountant resolves ({MIN_DELTA:g})",
            do=f"choose a delta of at least {MIN_DELTA:g}",
        )
    return chosen


def round_up(value: float, digits: int = 3) -> float:
    """Returns the smallest number of ``digits`` significant decimal digits that is not below ``value``.

    Works on the shortest decimal form of the float, so that 0.1 stays 0.1; zero, infinity and NaN come back unchanged.

    Args:
        value: At least 0.
        digits: At least 1.

    Raises:
        ValueError: If the value is negative or digits below 1.
    """
    if value < 0.0 or digits < 1:
        raise ValueError(f"need value >= 0 and digits >= 1, got {value} and {digits}")
    if value == 0.0 or not math.isfinite(value):
        return value
    exact = Decimal(repr(float(value)))
    unit = Decimal(1).scaleb(exact.adjusted() - digits + 1)
    return float((exact / unit).to_integral_value(rounding=ROUND_CEILING) * unit)


def shown(value: float, digits: int = 3) -> str:
    """Returns ``value`` rounded up, as text: ``8``, ``0.367``, ``1e-5``, ``infinite``."""
    if math.isinf(value):
        return "infinite"
    text = f"{round_up(value, digits):.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


@dataclass(frozen=True)
class Guarantee:
    """A figure of privacy with all that it needs to mean anything: ε, δ, unit, neighbours, and who computed it.

    Guarantee: says that no scan was read only beside ε = 0 and δ = 0, and of no ledger.

    Args:
        epsilon: ε as computed, not yet rounded.
        delta: δ.
        unit: Whose data are protected as a whole.
        adjacency: What neighbouring cohorts differ by.
        accountant: How ε was computed.
        own_ledger: Why the run was counted on a ledger of its own; None on the ledger of the site.
        scans_read: Whether private scans were read at all; see :meth:`without_scans`.

    Raises:
        ValueError: No scan was read, and yet something was spent or counted.
    """

    epsilon: float
    delta: float
    unit: str = UNIT
    adjacency: str = ADJACENCY
    accountant: str = "privacy loss distributions (dp-accounting), upper bound"
    own_ledger: str | None = None
    scans_read: bool = True

    def __post_init__(self) -> None:
        if not self.scans_read and (self.epsilon, self.delta, self.own_ledger) != (0.0, 0.0, None):
            raise ValueError("where no scan was read, nothing can have been spent")

    @classmethod
    def without_scans(cls) -> Guarantee:
        """Returns ε = 0 and δ = 0, of what took no scan as its input; that it took none is for the caller to know."""
        return cls(0.0, 0.0, accountant="none needed", scans_read=False)

    def sentence(self) -> str:
        """Returns one line with ε and δ rounded up to three significant digits, and what must stand beside them."""
        if not self.scans_read:
            return (
                f"ε = 0 and δ = 0, per {self.unit} (neighbours: {self.adjacency}), because no private scan was read: "
                "all was learned from phantoms, images drawn by program"
            )
        alone = "" if self.own_ledger is None else f"; counted on a ledger of its own, because: {self.own_ledger}"
        return (
            f"ε = {shown(self.epsilon)} at δ = {shown(self.delta)}, per {self.unit} "
            f"(neighbours: {self.adjacency}; accountant: {self.accountant}){alone}"
        )
