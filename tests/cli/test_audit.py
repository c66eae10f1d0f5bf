"""``medsyngen audit``: reads no scan, touches no ledger, tells a verdict that a reviewer can read."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from medsyngen.cli import audit
from medsyngen.errors import BudgetRefused, UsageError, VerificationFailed

QUERY = ["portrait-32", "--patients-at-most", "40"]
EVOLVED = ["evolved-chest-radiograph-32", "--patients-at-most", "264"]
CENTRAL = ["central-chest-radiograph-32", "--patients-at-most", "264"]
QUICK = ["smoke-16", "--patients-at-most", "40", "--set", "synthesis.private.steps=2", "--canaries", "8"]


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("MEDSYNGEN_LEDGER", str(tmp_path / "site" / "ledger.jsonl"))
    app = typer.Typer()
    app.command()(audit.audit)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(each) for each in arguments])


@pytest.mark.slow
def test_people_read_claim_attacker_figures_and_verdict(run, tmp_path):
    done = run(*QUICK)
    assert done.exit_code == 0, done.exception
    text = " ".join(done.stdout.split())
    for words in (
        "no scan was read",
        "Claimed: ε = ",
        "per patient (neighbours: add or remove one patient's record)",
        "White box",
        "in, ",
        "judged on the other 4",
        "ε at least, 99.9 % confidence",
        "could at most show",
        "NOT PRIVATE",
        "Verdict: uninformative.",
    ):
        assert words in text
    assert list(tmp_path.iterdir()) == []


def test_machines_read_json(run):
    done = run(*QUICK, "--json")
    shown = json.loads(done.stdout)
    assert shown["recipe"] == "smoke-16"
    assert shown["patients_at_most"] == 40
    assert shown["canaries"]["used_for_judging"] == 4
    assert shown["verdict"] == "uninformative"
    assert 0 < shown["claimed"]["epsilon"] <= 8
    assert "Verdict" in done.stderr


def test_the_claim_is_what_fit_would_run(monkeypatch, tmp_path):
    import torch

    from medsyngen.privacy.budget import Budget
    from medsyngen.privacy.calibration import calibrate_noise
    from medsyngen.progress import silent
    from medsyngen.recipe import load_recipe

    recipe = load_recipe("smoke-16", patients_at_most=40)
    claim = audit._claim(recipe, torch.device("cpu"), silent)
    assert claim.training == recipe.synthesis.private
    assert claim.budget == Budget(8.0, 1e-5)
    assert claim.noise_multiplier == calibrate_noise(Budget(8.0, 1e-5), sampling_rate=0.25, steps=5)
    assert len(claim.weights["class_embedding.weight"]) == 3
    assert claim.recipe_sha256 == recipe.sha256
    assert (claim.loss.scans_per_patient, claim.loss.draws_per_scan) == (2, 2)


def test_conditions_and_untrained_weights_are_audited_as_fit_would_run_them():
    import torch

    from medsyngen.pipeline.generator_file import target_of
    from medsyngen.progress import silent
    from medsyngen.recipe import load_recipe

    two = "[{name: a, label: '0', share: 0.5}, {name: b, label: '1', share: 0.5}]"
    conditions = f"conditions=[{{name: finding, values: {two}}}, {{name: view, values: {two}}}]"
    start = ("synthesis.public_bands=none", "synthesis.start=random")
    recipe = load_recipe("smoke-16", ("classes=[]", conditions, *start), patients_at_most=40)
    claim = audit._claim(recipe, torch.device("cpu"), silent)
    assert len(claim.weights["class_embedding.table.weight"]) == 6
    _, expected = recipe.synthesis.first_weights(target_of(recipe), device=torch.device("cpu"))
    assert all(torch.equal(claim.weights[name], value) for name, value in expected.items())


@pytest.mark.parametrize("part", ["norms", "lora"])
def test_a_part_of_the_network_is_audited_around_its_frozen_weights(part):
    import torch

    from medsyngen.pipeline.generator_file import target_of
    from medsyngen.privacy.book_keeping import Reparametrised
    from medsyngen.progress import silent
    from medsyngen.recipe import load_recipe

    recipe = load_recipe("smoke-16", (f"synthesis.trainable={part}", "synthesis.prediction=v"), patients_at_most=40)
    claim = audit._claim(recipe, torch.device("cpu"), silent)
    _, start = recipe.synthesis.first_weights(target_of(recipe), device=torch.device("cpu"))
    trained = recipe.synthesis.trained_from(start)
    assert list(claim.weights) == list(trained)
    assert all(torch.equal(claim.weights[name], value) for name, value in trained.items())
    for loss in (claim.loss, claim.probe):
        assert all(torch.equal(value, start[name]) for name, value in loss.network.named_parameters())
        assert isinstance(loss, Reparametrised) == (part == "lora")
        assert loss.prediction == "v"


@pytest.mark.parametrize("part", ["norms", "lora"])
def test_a_part_of_the_network_is_attacked(run, part):
    done = run(*QUICK, "--set", f"synthesis.trainable={part}", "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["verdict"] == "uninformative"


def test_a_violation_ends_with_what_to_do(run, monkeypatch):
    import medsyngen.evaluation.auditing as auditing

    figures = auditing.AttackFigures(4, 4, 4, 9.5, 9.1, 9.5, 1.0, 0.01, 1.0, (0.5, 1.0))
    result = auditing.AuditResult(8.0, 1e-5, 4, 4, 4, 4, 2, auditing.Filter(1.0, 1.0), figures, figures)
    monkeypatch.setattr(auditing, "audit", lambda *_, **__: result)
    done = run(*QUICK, "--json")
    assert isinstance(done.exception, VerificationFailed)
    assert done.exception.exit_code == 7
    assert "ε is at least 9.10" in done.exception.what
    assert "don't release" in done.exception.do
    assert json.loads(done.stdout)["verdict"] == "VIOLATION"


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["smoke-16"], UsageError, "patients_at_most"),
        (["smoke-16", "--patients-at-most", 40, "--canaries", 3], UsageError, "too few"),
        (["smoke-16", "--patients-at-most", 6], UsageError, "too few"),
        (["smoke-16", "--patients-at-most", 40, "--set", "scans.size=17"], UsageError, "17"),
        (["smoke-16", "--patients-at-most", 40, "--set", "privacy.delta=0.01"], BudgetRefused, "delta"),
        ([*QUICK, "--repeats", 9], UsageError, "no use for --repeats"),
        ([*QUERY, "--canaries", 9], UsageError, "no use for --canaries"),
        ([*QUERY, "--canaries", 9, "--device", "cpu"], UsageError, "no use for --canaries, --device"),
        ([*QUERY, "--training"], UsageError, "trains nothing on scans, so there is no use for --training"),
        ([*EVOLVED, "--canaries", 9], UsageError, "no use for --canaries"),
        ([*EVOLVED, "--training", "--repeats", 9], UsageError, "no use for --repeats"),
        ([*EVOLVED, "--training", "--set", "synthesis.public_bands=all"], UsageError, "no use for --training"),
    ],
)
def test_what_cannot_be_audited_is_refused(run, arguments, kind, words):
    done = run(*arguments)
    assert isinstance(done.exception, kind)
    assert words in str(done.exception)


def test_the_audit_of_few_patients(run):
    done = run("portrait-32", "--patients-at-most", 5, "--repeats", 20, "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["repeats"] == 20


@pytest.mark.parametrize(
    ("recipe", "sums", "multiplier"),
    [(EVOLVED, "4 noised sums", "votes_multiplier"), (CENTRAL, "1 noised sum,", "sum_multiplier")],
)
def test_of_two_parts_the_first_is_attacked_at_its_own_noise(run, recipe, sums, multiplier):
    from medsyngen.privacy.budget import Budget
    from medsyngen.recipe import load_recipe

    done = run(*recipe, "--repeats", 30, "--json")
    assert done.exit_code == 0, done.exception
    loaded = load_recipe(recipe[0], patients_at_most=264)
    budget = Budget(loaded.privacy.epsilon, 1e-5)
    sigma = getattr(loaded.synthesis, multiplier)(loaded.synthesis.calibrate(budget, 264))
    text = " ".join(done.stderr.split())
    for words in (sums, f"σ_DP = {sigma:g}", "the first part alone", "100 runs"):
        assert words in text
    claimed = json.loads(done.stdout)["claimed"]
    assert claimed["mu"] == pytest.approx((4 if recipe is EVOLVED else 1) ** 0.5 / sigma)
    assert 0 < claimed["epsilon"] < loaded.privacy.epsilon


@pytest.mark.parametrize("recipe", [EVOLVED, CENTRAL], ids=["evolved", "central"])
def test_of_two_parts_the_training_is_attacked_if_it_is_asked_for(recipe):
    """At the noise that both parts share a budget at, more than had training all of it."""
    import torch

    from medsyngen.privacy.budget import Budget
    from medsyngen.progress import silent
    from medsyngen.recipe import load_recipe

    loaded = load_recipe(recipe[0], patients_at_most=264)
    claim = audit._claim(loaded, torch.device("cpu"), silent)
    budget = Budget(loaded.privacy.epsilon, 1e-5)
    assert claim.noise_multiplier == loaded.synthesis.calibrate(budget, 264)
    assert claim.noise_multiplier > audit._stages(loaded).calibrate(budget, 264)
    assert claim.training == loaded.synthesis.private


def test_training_after_a_sum_is_attacked_to_a_verdict(run):
    small = [
        "scans.size=16",
        "synthesis.private.steps=2",
        "synthesis.public.steps=2",
        "synthesis.network={channels: [8, 8], attention: [false, true], norm_groups: 4, head_channels: 8}",
    ]
    said = [word for each in small for word in ("--set", each)]
    done = run(CENTRAL[0], "--patients-at-most", 40, "--training", "--canaries", 8, *said, "--json")
    assert done.exit_code == 0, done.exception
    assert "the training alone" in done.stderr
    assert json.loads(done.stdout)["verdict"] in ("uninformative", "consistent")
