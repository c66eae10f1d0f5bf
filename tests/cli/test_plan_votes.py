"""``medsyngen plan`` for a recipe of votes."""

import pytest

from medsyngen.planning import plan_votes
from medsyngen.recipe import load_recipe

RECIPE = ["private-evolution-32", "--patients-at-most", 264]


def test_it_tells_what_is_bought(cli):
    classes = "classes=[{name: a, label: '0', share: 0.6}, {name: b, label: '1', share: 0.4}]"
    done = cli("plan", *RECIPE, "--set", "synthesis.proportions=bought", "--set", classes)
    assert done.code == 0
    assert "noise on each class's number of patients" in done.out
    one = cli("plan", *RECIPE, "--set", "synthesis.proportions=bought")  # no classes, no proportions
    assert one.code == 2
    assert "two classes or more" in one.err


def test_it_tells_noise_against_votes_and_what_helps(cli):
    done = cli("plan", *RECIPE, "--set", "privacy.epsilon=1")
    assert done.code == 0
    text = " ".join((done.out + done.err).split())
    plan = plan_votes(load_recipe("private-evolution-32", ["privacy.epsilon=1"], patients_at_most=264))
    for words in (f"{plan.noise_multiplier:g}", "votes / noise", "iterations T", "Not enough for votes", "ε at δ"):
        assert words in text
    assert "above threshold" in text
    for words in ("sampling rate", "clipping", "DP-SGD", "network evaluations"):
        assert words not in text
    ranked = cli("plan", *RECIPE, "--set", "synthesis.selection=rank")
    assert "above threshold" not in ranked.out + ranked.err


def test_machines_get_the_same(cli):
    shown = cli("plan", *RECIPE, "--json").json
    plan = plan_votes(load_recipe("private-evolution-32", patients_at_most=264))
    assert {key: shown[key] for key in plan.to_json() if key != "epsilon_after"} == {
        key: value for key, value in plan.to_json().items() if key != "epsilon_after"
    }
    assert shown["recipe"] == "private-evolution-32"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["plan", *RECIPE, "--network-evaluations", 100], "--network-evaluations"),
        (["plan", *RECIPE, "--images-per-second", 5], "--images-per-second"),
    ],
)
def test_what_is_about_training_has_no_use(cli, command, words):
    done = cli(*command)
    assert done.code == 2
    assert words in " ".join(done.err.split())
