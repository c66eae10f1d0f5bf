"""Timeline and trade-off curve: inside their frames, what they are drawn from, and never on the flattering side."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.profile import privacy_profile
from medsyngen.report import ReportFacts, build_report
from medsyngen.report.curves import curves
from medsyngen.report.timeline_plot import timeline_svg
from medsyngen.report.trade_off import gaussian_misses
from medsyngen.report.tradeoff_plot import found_rows, tradeoff_svg

TOLD: dict[str, Any] = curves(privacy_profile([Gaussian(1.0)], 1e-5), 1e-5)


def drawn(svg: str) -> list[list[tuple[float, float]]]:
    lines = re.findall(r'class="curve curve-\d" points="([^"]+)"', svg)
    return [[tuple(map(float, pair.split(","))) for pair in line.split()] for line in lines]


def test_the_curve_lies_on_the_safe_side_of_the_mechanism_s_own() -> None:
    (points,) = drawn(str(tradeoff_svg([("x", TOLD)])))
    assert len(points) > 150
    for x, y in points:
        alpha = 10 ** (-4 * (1 - x / 100))
        assert 0 <= x <= 100
        assert y / 100 <= gaussian_misses(1.0, alpha) + 2e-4  # fewer misses than the mechanism allows, never more
        assert y / 100 >= gaussian_misses(1.0, alpha) - 0.05  # and near it


def test_several_curves_are_named_and_told_apart() -> None:
    svg = str(tradeoff_svg([("A", TOLD), ("<b>", TOLD)]))
    assert len(drawn(svg)) == 2
    assert "curve-1" in svg
    assert "&lt;b&gt;</text>" in svg
    assert "excluded" not in svg


def test_the_table_rounds_against_the_report() -> None:
    rows = found_rows([{"false_alarms": 0.01, "misses_at_least": 0.123456}])
    assert rows == [("1 %", "87.66 %", "12.34 %")]


def test_runs_have_lanes_and_looks_cross_them(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    lines = [ledger.opening(), ledger.charge(60, run="fedcba9876543210"), {"kind": "look", "purpose": "evaluate"}]
    report = build_report(ledger.on(facts, *lines, ledger.charge(120), ledger.charge(60, first=120), looks=1))
    svg = str(timeline_svg(report["ledger"]))
    assert svg.count('class="private bar"') == 1  # two charges that are alike are one
    assert svg.count('class="other bar"') == 1
    assert svg.count('<line class="look"') == 1
    assert 'class="private bar" x="60.0%" width="40.0%"' in svg
    assert "this run (01234567): lines 4 to 5, 180 steps charged" in svg
    assert "looks at private results: 3" in svg


def test_no_ledger_no_timeline() -> None:
    assert timeline_svg({"lines": [], "run": ""}) == ""


@pytest.mark.parametrize("count", [1, 2, 9, 100, 4321])
def test_the_axis_names_few_lines_whatever_the_ledger_s_length(ledger: SimpleNamespace, count: int) -> None:
    lines = ledger.chain(*[{"kind": "note", "text": str(n)} for n in range(count)])
    assert 1 <= str(timeline_svg({"lines": lines, "run": ""})).count('class="grid"') <= 8
