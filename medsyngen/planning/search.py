"""Sampling rate q and steps T that leave most signal over noise for a given amount of computing.

The figure of merit is √T·q·N_max/σ_DP: the averaged gradient has noise σ_DP·C/(q·N_max) a step, T steps average it
out by √T. What the mechanism costs bounds it, whatever T: at q = 1 it is N_max·μ with μ of Gaussian differential
privacy (Dong, Roth, Su 2019) for every T, and sampling only loses from it, the more the smaller σ_DP is. So few large
steps always win or tie, and among settings as good as the best within 1 % the one of most steps is chosen.
The figure says nothing about how many steps learning needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medsyngen.errors import UsageError
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise, rough_noise
from medsyngen.privacy.events import Event

TIE = 0.01
_MOST_STEPS = 20_000
_GRID = 16
_ROWS = 7


@dataclass(frozen=True)
class Setting:
    """One way to spend the budget.

    Args:
        steps: T.
        patients_per_step: q·N_max.
        sampling_rate: q.
        noise_multiplier: σ_DP.
        figure_of_merit: √T·q·N_max / σ_DP.
        calibrated: Whether σ_DP comes from the accountant; otherwise it is an estimate within about 1 %.
    """

    steps: int
    patients_per_step: float
    sampling_rate: float
    noise_multiplier: float
    figure_of_merit: float
    calibrated: bool

    def options(self) -> tuple[str, ...]:
        """Returns the options of `fit` and `plan` that set it."""
        return (
            f"--set synthesis.private.steps={self.steps}",
            f"--set synthesis.private.patients_per_step={self.patients_per_step:g}",
        )


@dataclass(frozen=True)
class Search:
    """The best setting within so many network evaluations, and others to compare.

    Args:
        network_evaluations: E.
        best: Calibrated.
        settings: Some with fewer and more steps, the best among them, by steps.
    """

    network_evaluations: int
    best: Setting
    settings: tuple[Setting, ...]


def best_setting(
    *,
    patients_at_most: int,
    budget: Budget,
    draws_per_patient: int,
    network_evaluations: int,
    least_steps: int = 1,
    other_events: Sequence[Event] = (),
) -> Search:
    """Returns the setting of largest √T·q·N_max/σ_DP with T·q·N_max·draws at most the network evaluations.

    Guarantee: the best setting's σ_DP is that of :func:`calibrate_noise`, on the private side. Advice from public
    numbers only.

    Args:
        patients_at_most: N_max.
        budget: ε and δ for everything.
        draws_per_patient: m·K.
        network_evaluations: E: forward and backward passes of one image, at most.
        least_steps: Smallest T that is looked at.
        other_events: What is charged already or planned beside it.

    Raises:
        UsageError: If E does not pay for one patient in each of the least steps.
        BudgetRefused: If no noise fits.
    """
    patients = network_evaluations // draws_per_patient  # T·q·N_max
    if patients < least_steps or least_steps < 1:
        raise UsageError(
            f"{network_evaluations} network evaluations don't pay for {least_steps} steps of one patient, who takes "
            f"{draws_per_patient} in each",
            do=f"allow {max(1, least_steps) * draws_per_patient} at least (--network-evaluations), better many more",
        )
    found: dict[int, Setting] = {}

    def add(counts: Iterable[int]) -> None:
        for steps in set(counts) - set(found):
            per_step = min(patients_at_most, patients // steps)
            found[steps] = _setting(
                steps,
                per_step,
                per_step / patients_at_most,
                rough_noise(budget, sampling_rate=per_step / patients_at_most, steps=steps, other_events=other_events),
            )

    most = max(min(patients, _MOST_STEPS), least_steps)
    passes = patients // patients_at_most  # the steps that all patients together can have
    add(
        _geometric(least_steps, most, _GRID) | {steps for steps in (passes, passes + 1) if least_steps <= steps <= most}
    )
    best = _best(found)
    steps = sorted(found)
    where = steps.index(best.steps)
    add(_geometric(steps[max(where - 1, 0)], steps[min(where + 1, len(steps) - 1)], 6))
    best = _best(found)
    sigma = calibrate_noise(budget, sampling_rate=best.sampling_rate, steps=best.steps, other_events=other_events)
    best = _setting(best.steps, best.patients_per_step, best.sampling_rate, sigma, calibrated=True)
    return Search(network_evaluations, best, _some({**found, best.steps: best}, best))


def _setting(steps: int, per_step: float, q: float, sigma: float, *, calibrated: bool = False) -> Setting:
    return Setting(steps, per_step, q, sigma, math.sqrt(steps) * per_step / sigma, calibrated)


def _best(found: dict[int, Setting]) -> Setting:
    most = max(setting.figure_of_merit for setting in found.values())
    tied = [setting for setting in found.values() if setting.figure_of_merit >= (1.0 - TIE) * most]
    return max(tied, key=lambda setting: setting.steps)


def _geometric(first: int, last: int, count: int) -> set[int]:
    ratio = (last / first) ** (1.0 / (count - 1))
    return {first, last} | {round(first * ratio**i) for i in range(count)}


def _some(found: dict[int, Setting], best: Setting) -> tuple[Setting, ...]:
    """Returns the best and others whose steps lie far enough apart to compare, at most :data:`_ROWS`."""
    possible = [steps for steps, setting in found.items() if math.isfinite(setting.noise_multiplier)]
    wanted = _geometric(min(possible), max(possible), _ROWS - 1)
    chosen = {min(possible, key=lambda steps, w=w: abs(math.log(steps / w))) for w in wanted}  # type: ignore[misc]
    return tuple(found[steps] for steps in sorted(chosen | {best.steps}))
