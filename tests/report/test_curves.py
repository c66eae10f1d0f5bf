"""Curves in a report: read off its events, refused where they say less than the profile allows."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.accountant import delta_at, epsilon_spent
from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.profile import privacy_profile
from medsyngen.report import ReportFacts, build_report, check_report
from medsyngen.report.curves import curves, pairs_of, wrong_curves
from medsyngen.report.ledger_table import Mechanism
from medsyngen.report.numbers import percent_text

EVENTS = [SelfComposed(PoissonSampled(0.05, Gaussian(2.4375)), 600)]
SPENT = [Mechanism(0.05, 2.4375, 600)]
DELTA = 2.857142e-6


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return curves(privacy_profile(EVENTS, DELTA), DELTA)


@pytest.fixture(scope="module")
def all_in() -> dict[str, Any]:
    """Of four rounds in which every patient took part."""
    return curves(privacy_profile([SelfComposed(Gaussian(2.5), 4)], 1e-5), 1e-5)


def test_they_are_those_of_the_events(made: dict[str, Any]) -> None:
    for each in made["epsilon_of_delta"]:
        assert epsilon_spent(EVENTS, each["delta"]) <= each["epsilon"]
    for epsilon, delta in pairs_of(made):
        assert delta_at(EVENTS, epsilon) <= delta
    assert made["guessed_right_at_most"] >= (1 + delta_at(EVENTS, 0.0)) / 2
    assert list(wrong_curves(made, SPENT)) == []


def test_the_whole_says_more_than_one_pair(made: dict[str, Any]) -> None:
    """With ε and δ alone the bounds are worse: that is why there is a curve."""
    epsilon = epsilon_spent(EVENTS, DELTA)
    alone = (math.exp(epsilon) + DELTA) / (math.exp(epsilon) + 1)
    assert made["guessed_right_at_most"] < alone - 0.2
    (at_one_percent,) = [each["share"] for each in made["found_at_most"] if each["false_alarms"] == 0.01]
    assert at_one_percent < 0.01 * math.exp(epsilon) + DELTA - 0.05


def test_the_exact_gaussian_is_exact(all_in: dict[str, Any]) -> None:
    assert all_in["gaussian"] == {"mu": 0.8, "slack": 0.0, "exact": True}
    assert list(wrong_curves(all_in, [Mechanism(1.0, 2.5, 4)])) == []
    assert list(wrong_curves(all_in, [Mechanism(1.0, 2.5, 5)]))  # more was charged than μ says
    assert list(wrong_curves(all_in, [Mechanism(0.5, 2.5, 4)]))  # patients were sampled


def raised(key: str, at: int, field: str, by: float) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        told[key][at][field] += by

    return change


@pytest.mark.parametrize(
    "change",
    [
        raised("trade_off", 8, "misses_at_least", 1e-4),
        raised("found_at_most", 0, "share", -1e-4),
        raised("delta_of_epsilon", 0, "delta", -1e-3),
        lambda told: told.update(guessed_right_at_most=0.55),
        lambda told: told["gaussian"].update(mu=told["gaussian"]["mu"] - 1e-3),
        lambda told: told["gaussian"].update(exact=True),
        lambda told: told["delta_of_epsilon"].pop(0),
    ],
)
def test_a_better_number_is_refused(made: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> None:
    told = copy.deepcopy(made)
    change(told)
    assert list(wrong_curves(told, SPENT))


def test_the_report_says_them_in_words(facts: ReportFacts, made: dict[str, Any], ledger: SimpleNamespace) -> None:
    told = build_report(replace(facts, curves=made))
    words = told["fields"]["C"]["entries"]
    assert percent_text(made["guessed_right_at_most"]) in words["guess"]["value"]
    assert all(percent_text(each["share"]) in " ".join(words["found"]["value"]) for each in made["found_at_most"])
    assert "f(α) ≥ G_μ(α) - δ" in words["gaussian"]["value"]["text"]
    told["curves"]["trade_off"][5]["misses_at_least"] = 1.0
    with pytest.raises(VerificationFailed):
        check_report(told)


def test_a_seeded_report_has_none(facts: ReportFacts, made: dict[str, Any]) -> None:
    assert build_report(replace(facts, curves=made, seeded=True))["curves"] is None


def test_an_infinite_epsilon_is_no_number() -> None:
    told = curves(privacy_profile([SelfComposed(Gaussian(0.01), 4)], 1e-5), 1e-5)
    assert {each["epsilon"] for each in told["epsilon_of_delta"]} == {None}
    assert told["guessed_right_at_most"] == 1.0
    assert [each["share"] for each in told["found_at_most"]] == [1.0, 1.0]
