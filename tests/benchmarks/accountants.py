"""Five accountants on twelve settings: PLD as reported, optimistic PLD, Rényi, PRV, and the filter across runs.

And what one ledger leaves to each of several equal runs.

    python -m tests.benchmarks.accountants > docs/benchmarks/accountants.json

The pages of docs/ take their figures from that file. Reads no scan.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from medsyngen.privacy import accountant
from medsyngen.privacy.accountant import epsilon_by_renyi, epsilon_spent
from medsyngen.privacy.budget import Budget, default_delta, round_up
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.events import Event
from medsyngen.privacy.renyi_filter import RenyiFilter, renyi_divergence

RUNS = 4
"""Equal runs of one ledger, chosen one after another, beside a single one."""
SHARED: dict[str, Any] = {"patients": 3_000, "per_step": 128, "steps": 12, "budgets": (8.0, 20.0), "runs": (1, 2, 4, 8)}
"""Few steps at a hospital of up to 3,000 patients."""


@dataclass(frozen=True)
class Setting:
    """One private training.

    Args:
        what: Where it comes from.
        patients: N_max; of published image settings, the number of images.
        per_step: q N_max.
        steps: T.
        sigma: σ_DP; None calibrates it to the target ε.
        delta: δ; None is the default for so many patients.
        target: ε that σ_DP is calibrated to.
    """

    what: str
    patients: int
    per_step: int
    steps: int
    sigma: float | None = None
    delta: float | None = None
    target: float = 8.0

    @property
    def q(self) -> float:
        """The sampling rate."""
        return self.per_step / self.patients

    @property
    def the_delta(self) -> float:
        """δ."""
        return self.delta or default_delta(self.patients)

    @property
    def the_sigma(self) -> float:
        """σ_DP."""
        budget = Budget(self.target, self.the_delta)
        return self.sigma or calibrate_noise(budget, sampling_rate=self.q, steps=self.steps)


SETTINGS = (
    Setting("12 steps, a ward", 264, 128, 12),
    Setting("recipe demo-32", 2_500, 128, 12),
    Setting("recipe demo-32 at ε = 1", 2_500, 128, 12, target=1.0),
    Setting("12 steps, a hospital", 3_200, 128, 12),
    Setting("a ward, long training", 500, 250, 500, 33.7, 2e-4),
    Setting("a hospital, long training", 2_000, 512, 500, 7.4, 5e-5),
    Setting("a large hospital, longest training", 10_000, 1_024, 2_000, 6.4, 1e-5),
    Setting("several hospitals", 50_000, 4_096, 500, 1.22, 2e-6),
    Setting("much noise", 10_000, 1_024, 1_000, 6.0, 1e-6),
    Setting("medium noise", 10_000, 1_024, 1_000, 2.0, 1e-6),
    Setting("published, images: MNIST", 60_000, 4_096, 733, 1.13, 1e-5),
    Setting("published, images: Camelyon", 302_436, 4_096, 3_692, 1.0, 1e-6),
)


def optimistic_epsilon(q: float, sigma: float, steps: int, delta: float, reported: float) -> float:
    """Returns a lower bound on the true ε: every loss rounded down to the grid, where the reported one never is.

    Args:
        q: Sampling rate.
        sigma: σ_DP.
        steps: T.
        delta: δ.
        reported: About ε; the grid is so fine that rounding T losses down loses at most 0.5 % of it.
    """
    from dp_accounting.pld import privacy_loss_distribution

    whole = privacy_loss_distribution.from_gaussian_mechanism(
        sigma,
        pessimistic_estimate=False,
        value_discretization_interval=min(1e-3, 0.005 * reported / steps),
        sampling_prob=q,
        use_connect_dots=False,
    ).self_compose(steps)
    return float(whole.get_epsilon_for_delta(delta))


def prv_epsilon(q: float, sigma: float, steps: int, delta: float, reported: float) -> float:
    """Returns the upper end of what Opacus' PRV accountant (Gopi, Lee, Wutschitz 2021) says.

    Args:
        q: Sampling rate.
        sigma: σ_DP.
        steps: T.
        delta: δ.
        reported: About ε; the error asked for is 0.2 % of it, at least 0.002.
    """
    from opacus.accountants import PRVAccountant

    prv = PRVAccountant()
    prv.history = [(sigma, q, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = prv.get_epsilon(delta, eps_error=max(0.002, 0.002 * reported), delta_error=delta / 1000)
    return float(found)


def ledger_for(event: Event, runs: int, delta: float) -> tuple[float, int]:
    """Returns the smallest ε of a ledger whose Rényi filter admits so many such runs, and the order that it has.

    Args:
        event: The plan of each run.
        runs: How many, one after another.
        delta: δ of the ledger.
    """
    low, high = 1e-6, 1e4
    while high / low > 1 + 1e-6:
        middle = math.sqrt(low * high)
        fits = RenyiFilter.of(Budget(middle, delta), [event]).admits([event] * runs)
        low, high = (low, middle) if fits else (middle, high)
    return high, RenyiFilter.of(Budget(high, delta), [event]).order


def share(budget: Budget, runs: int, q: float, steps: int) -> float:
    """Returns the smallest σ_DP with which a ledger admits so many equal runs, one after another.

    Args:
        budget: Of the ledger.
        runs: How many; a single one needs to fit only as computed in advance.
        q: Sampling rate of each.
        steps: T of each.
    """
    alone = calibrate_noise(budget, sampling_rate=q, steps=steps)
    if runs == 1:
        return alone
    low, high = alone, 1e4
    while high / low > 1 + 1e-4:
        middle = math.sqrt(low * high)
        event = sampled_gaussian(q, middle, steps)
        fits = RenyiFilter.of(budget, [event]).admits([event] * runs)
        low, high = (low, middle) if fits else (middle, high)
    return float(round_up(high, 4))


def accountants() -> dict[str, object]:
    """Measures every setting.

    Returns:
        ``machine``; ``rows``: the setting, ε by each accountant, seconds that each took; ``shares``: of one ledger.
    """
    q, steps = SHARED["per_step"] / SHARED["patients"], SHARED["steps"]
    delta = default_delta(SHARED["patients"])
    shares = []
    for epsilon in SHARED["budgets"]:
        for runs in SHARED["runs"]:
            sigma = share(Budget(epsilon, delta), runs, q, steps)
            each = [sampled_gaussian(q, sigma, steps)]
            spent = {"each": epsilon_spent(each, delta), "in_advance": epsilon_spent(each * runs, delta)}
            shares.append({"budget": epsilon, "runs": runs, "noise_multiplier": sigma, "epsilon": spent})
    rows = [_row(setting) for setting in SETTINGS]
    return {
        "part": "accountants",
        "machine": _machine(),
        "runs": RUNS,
        "rows": rows,
        "shared": SHARED,
        "shares": shares,
    }


def _row(setting: Setting) -> dict[str, object]:
    sigma, delta = setting.the_sigma, setting.the_delta
    event = sampled_gaussian(setting.q, sigma, setting.steps)
    plain = (setting.q, sigma, setting.steps, delta)
    several, order = ledger_for(event, RUNS, delta)
    accountant._single.cache_clear()  # the calibration above left its distributions there
    accountant._composed.cache_clear()
    renyi_divergence.cache_clear()
    reported, seconds = _timed(lambda: epsilon_spent([event], delta))
    methods: dict[str, Callable[[], float]] = {
        "optimistic_pld": lambda: optimistic_epsilon(*plain, reported),
        "renyi": lambda: epsilon_by_renyi([event], delta),
        "prv": lambda: prv_epsilon(*plain, reported),
        "filter": lambda: RenyiFilter.at(order, Budget(several, delta)).epsilon([event], delta),
    }
    found = {name: _timed(method) for name, method in methods.items()}
    return {
        "what": setting.what,
        "patients": setting.patients,
        "q": setting.q,
        "steps": setting.steps,
        "noise_multiplier": sigma,
        "delta": delta,
        "epsilon": {"pld": reported, **{name: value for name, (value, _) in found.items()}},
        "seconds": {"pld": seconds, **{name: took for name, (_, took) in found.items()}},
        "order": order,
        "several_runs": {"pld": epsilon_spent([event] * RUNS, delta), "filter": several},
    }


def _timed(work: Callable[[], float]) -> tuple[float, float]:
    start = time.perf_counter()
    return work(), round(time.perf_counter() - start, 3)


def _machine() -> dict[str, object]:
    packages = ("dp-accounting", "opacus", "numpy", "scipy")
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


if __name__ == "__main__":
    import opacus.accountants  # noqa: F401 - loaded before the clock runs
    from dp_accounting import pld, rdp  # noqa: F401

    json.dump(accountants(), sys.stdout, indent=1)
    sys.stdout.write("\n")
