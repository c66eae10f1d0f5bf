"""ε by Google's ``dp-accounting``, where it happens to be installed: a third way to the same figure."""

from __future__ import annotations

from medsyngen.verification.events import Counts


def epsilon_by_dp_accounting(counts: Counts, delta: float) -> float | None:
    """Returns ε at δ by the library's own accountant, or None where it is not on this machine.

    Args:
        counts: How often each (q, σ) ran.
        delta: δ in [1e-10, 1).
    """
    try:
        import dp_accounting
        from dp_accounting.pld import PLDAccountant
    except ImportError:
        return None
    accountant = PLDAccountant()
    for (q, sigma), times in counts.items():
        event = dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma))
        accountant.compose(event, times)
    return float(accountant.get_epsilon(delta))
