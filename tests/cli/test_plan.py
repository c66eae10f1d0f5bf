"""``medsyngen plan``: the figures for the recipe that `fit` would run, from public numbers only."""

from __future__ import annotations

import pytest

from medsyngen.recipe import load_recipe


@pytest.fixture
def planned(cli):
    done = cli("plan", "smoke-16", "--patients-at-most", 40, "--images-per-second", 10, "--json")
    assert done.code == 0, done.err
    return done


def test_the_plan_is_the_noise_that_fit_will_use(planned):
    from medsyngen.privacy.budget import Budget, checked_delta
    from medsyngen.privacy.calibration import calibrate_noise

    recipe = load_recipe("smoke-16", patients_at_most=40)
    training = recipe.synthesis.private
    budget = Budget(recipe.privacy.epsilon, checked_delta(None, 40))
    sigma = calibrate_noise(budget, sampling_rate=training.sampling_rate(40), steps=training.steps)
    assert planned.json["noise_multiplier"] == sigma
    assert planned.json["sampling_rate"] == 0.25
    assert planned.json["delta"] == budget.delta


def test_epsilon_rises_to_the_budget(planned):
    after = [part["epsilon"] for part in planned.json["epsilon_after"]]
    assert after == sorted(after)
    assert after[-1] == planned.json["epsilon"] <= 8.0


def test_the_time_follows_from_the_speed(planned):
    assert planned.json["network_evaluations"] == 5 * 10 * 2 * 2
    cost = planned.json["cost"]
    assert cost["images_per_second"] == 10
    assert cost["private_seconds"] == 5 * (10 + 8 / 2) * 2 * 2 / 10  # on average half a micro-batch of 8 is masked
    assert not cost["measured"]
    assert 4 * 8 * cost["parameters"] < cost["memory_bytes"] < 1e9  # at least a gradient a slot


def test_people_read_noise_epsilon_neighbours_and_a_verdict(cli):
    done = cli("plan", "smoke-16", "--patients-at-most", 40)
    assert done.code == 0
    for words in ("σ_DP", "ε at δ = 1e-5", "one patient's record", "Not enough for DP-SGD"):
        assert words in done.text
    for words in ("of private training here (measured on its CPU: ", " images/s)", "GB beyond the program itself"):
        assert words in done.text
    for words in ("the recipe", "best", "never on the patients", " --set synthesis.private.steps="):
        assert words in done.text
    assert done.err == ""


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = cli("plan", "smoke-16", "--patients-at-most", 40, "--no-measure")
    paragraphs = [line for line in done.out.splitlines() if line[:1].isalpha()]  # tables on paper are 120 wide
    assert len(paragraphs) > 8
    assert max(map(len, paragraphs)) <= min(columns, 100)
    assert "time: unknown" in done.text


def test_the_search_keeps_to_the_computing_and_the_steps_that_are_asked_for(cli):
    done = cli(
        "plan",
        "smoke-16",
        "--patients-at-most",
        40,
        "--network-evaluations",
        4000,
        "--least-steps",
        30,
        "--no-measure",
        "--json",
    )
    search = done.json["search"]
    assert search["network_evaluations"] == 4000
    assert search["best"]["steps"] >= 30
    assert search["best"]["steps"] * search["best"]["patients_per_step"] * 4 <= 4000
    assert search["best"]["calibrated"]
    options = [word for option in search["best"]["options"] for word in option.split()]
    again = cli("plan", "smoke-16", "--patients-at-most", 40, *options, "--no-measure", "--json").json
    assert again["noise_multiplier"] == search["best"]["noise_multiplier"]
    assert again["figure_of_merit"] == search["best"]["figure_of_merit"]


def test_overrides_reach_the_plan(cli):
    plan = cli("plan", "smoke-16", "--patients-at-most", 40, "--set", "synthesis.private.steps=9", "--json").json
    assert plan["steps"] == 9


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["smoke-16"], 2, "patients_at_most"),
        (["smoke-16", "--patients-at-most", 0], 2, "patients-at-most"),
        (["smoke-16", "--patients-at-most", 40, "--images-per-second", -1], 2, "images per second must be positive"),
        (["smoke-16", "--patients-at-most", 40, "--network-evaluations", 3], 2, "don't pay for"),
        (["smoke-16", "--patients-at-most", 40, "--set", "privacy.delta=0.01"], 5, "1/(10·N_max)"),
        (["smoke-16", "--patients-at-most", 40, "--set", "privacy.epsilom=1"], 2, "did you mean 'epsilon'"),
        (["smoke-16", "--patients-at-most", 40, "--set", "scans.size=17"], 2, "scans.size"),
        (["nowhere.yaml"], 2, "no recipe named"),
    ],
)
def test_what_cannot_be_planned_is_refused(cli, arguments, code, words):
    done = cli("plan", *arguments)
    assert (done.code, done.out) == (code, "")
    assert words in done.text
