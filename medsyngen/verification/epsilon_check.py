"""ε of the report, computed again from the events in it: by a proven bound, and by two other accountants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from medsyngen.verification.curves import agree, curve_problems
from medsyngen.verification.events import Counts
from medsyngen.verification.findings import FAILS, HOLDS, NOT_CHECKED, Finding, Unreadable
from medsyngen.verification.ledger_chain import charged_by
from medsyngen.verification.loss_distribution import epsilon_by_losses
from medsyngen.verification.outside_accountant import epsilon_by_dp_accounting
from medsyngen.verification.renyi import renyi_epsilon

AGREE: Final = 0.01
"""How far apart, as a share, two accountants may lie: each is an upper bound on a grid of its own."""
_CHECK: Final = "ε"


def epsilon_findings(report: Mapping[str, Any], *, with_library: bool = True) -> Iterator[Finding]:
    """Yields ε of the run, and of the whole ledger, computed afresh and held against what the report says.

    Args:
        report: privacy_report.json.
        with_library: Whether ``dp-accounting`` may be asked, where it is installed.
    """
    ledger = report["ledger"]
    told = report["guarantee"]
    if not ledger["lines"]:
        yield Finding(_CHECK, HOLDS, "no event, so ε = 0; that no scan was read rests on whoever released it")
        return
    try:
        own, everything = charged_by(ledger["lines"], ledger["run"]), charged_by(ledger["lines"])
    except Unreadable as error:
        yield Finding(_CHECK, FAILS, str(error))
        return
    yield from _held(own, told["epsilon"] or 0.0, told["delta"], "of this run", with_library)
    if everything != own:
        yield from _held(everything, ledger["total"]["in_advance"], told["delta"], "of all runs together", False)


def curve_findings(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Yields whether the report's curves are those of its events, and what it reads off them follows.

    Args:
        report: privacy_report.json.
    """
    if report["schema_version"] == 1 or not report["ledger"]["lines"]:
        return
    if report["curves"] is None:
        yield Finding("curves", FAILS, "the report has no curves")
        return
    try:
        counts = charged_by(report["ledger"]["lines"], report["ledger"]["run"])
    except Unreadable:
        return  # told already
    points = len(report["curves"]["delta_of_epsilon"]) + len(report["curves"]["epsilon_of_delta"])
    good = f"{points} points computed again from the events; trade-off, guess and hit rates follow from them"
    yield from Finding.of("curves", curve_problems(report["curves"], counts, report["guarantee"]), good)


def _held(counts: Counts, claimed: float, delta: float, whose: str, with_library: bool) -> Iterator[Finding]:
    bound = renyi_epsilon(counts, delta)
    afresh = epsilon_by_losses(counts, delta)
    steps = sum(counts.values())
    text = f"{whose}: {steps} charged steps give ε = {afresh:.4g} at δ = {delta:g}"
    if claimed > bound * (1 + 1e-9) or not agree(claimed, afresh, share=AGREE):
        yield Finding(_CHECK, FAILS, f"{text} (closed form: at most {bound:.4g}), but the report says {claimed:.4g}")
        return
    yield Finding(_CHECK, HOLDS, f"{text}, as the report says; closed form (Rényi): at most {bound:.4g}")
    if not with_library:
        return
    third = epsilon_by_dp_accounting(counts, delta)
    if third is None:
        yield Finding(_CHECK, NOT_CHECKED, "by a third accountant: dp-accounting is not on this machine")
    elif agree(claimed, third, share=AGREE):
        yield Finding(_CHECK, HOLDS, f"{whose}, by dp-accounting: ε = {third:.4g}")
    else:
        yield Finding(_CHECK, FAILS, f"{whose}: dp-accounting gives ε = {third:.4g}, the report says {claimed:.4g}")
