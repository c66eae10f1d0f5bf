"""The audit: what it says of the right mechanism, of broken ones, and of numbers made up to test its words."""

from dataclasses import replace

import pytest
import torch
from broken_training import FULL, VARIANTS, Setting

from medsyngen.evaluation.auditing import AuditResult, attack, audit
from medsyngen.evaluation.guessing import AttackFigures
from medsyngen.evaluation.scoring import Filter

CPU = torch.device("cpu")
FIGURES = AttackFigures(
    guesses=40,
    right=20,
    said_in=20,
    epsilon_95=0.2,
    epsilon_999=0.1,
    ceiling_95=3.0,
    auc=0.5,
    auc_p_value=0.5,
    tpr=0.0,
    tpr_interval=(0.0, 0.1),
)
RESULT = AuditResult(
    epsilon=1.0,
    delta=1e-6,
    canaries_in=30,
    canaries_out=34,
    choosing=32,
    judging=32,
    steps=5,
    filter=Filter(1.0, 1.0),
    attack=FIGURES,
    control=replace(FIGURES, auc_p_value=0.001),
)


@pytest.mark.parametrize(
    ("attack_changes", "control_changes", "verdict", "words"),
    [
        ({}, {}, "consistent", "Not refuted"),
        ({"epsilon_999": 1.01}, {}, "VIOLATION", "99.9 %"),
        ({"epsilon_999": 1.0}, {}, "consistent", "not a proof"),
        ({"epsilon_95": 1.5}, {}, "consistent", "Not refuted"),  # 95 % alone is not enough to accuse
        ({"ceiling_95": 1.49}, {}, "uninformative", "could at most have shown"),
        ({"ceiling_95": 1.5}, {}, "consistent", "Not refuted"),
        ({}, {"auc_p_value": 0.06}, "uninformative", "no noise"),
        ({"epsilon_999": 1.01, "ceiling_95": 1.2}, {"auc_p_value": 0.06}, "VIOLATION", "more privacy was lost"),
    ],
)
def test_the_verdict(attack_changes, control_changes, verdict, words):
    result = replace(
        RESULT, attack=replace(FIGURES, **attack_changes), control=replace(RESULT.control, **control_changes)
    )
    assert result.verdict == verdict
    assert words in result.explanation
    assert "proved" not in result.explanation


def test_the_json_says_all_that_a_reviewer_needs():
    shown = RESULT.to_json()
    assert shown["verdict"] == "consistent"
    assert shown["claimed"] == {"epsilon": 1.0, "delta": 1e-6}
    assert "keys" in shown["threat_model"]
    assert (shown["unit"], shown["adjacency"]) == ("patient", "add or remove one patient's record")
    assert shown["canaries"] == {"in": 30, "out": 34, "used_for_choosing": 32, "used_for_judging": 32}
    for figures in (shown["attack"], shown["control_without_noise"]):
        assert set(figures["epsilon_lower_bound"]) == {"95 %", "99.9 %"}
        assert set(figures) >= {"guesses", "right", "epsilon_ceiling_95", "auc", "tpr_at_1_percent_fpr"}


def test_the_right_mechanism_is_consistent_and_the_attack_has_power():
    told, setting = [], replace(FULL, steps=12, rate=0.3)
    result = audit(
        setting.claim(), setting.canary_patients(0), device=CPU, progress=lambda phase, done, total: told.append(phase)
    )
    assert result.verdict == "consistent"
    assert result.control.auc > 0.8
    assert result.epsilon <= 1.0
    assert (result.choosing, result.judging, result.canaries_in + result.canaries_out) == (64, 64, 128)
    assert {phase for phase in told if "," not in phase or phase.endswith("no noise")} == {
        "audit: attacked training",
        "audit: the same, no noise",
    }
    assert told[0] == "audit: attacked training, the attacker gets ready"


def test_a_large_epsilon_is_beyond_few_canaries():
    setting = Setting(epsilon=8.0, steps=2, canaries=16)
    assert audit(setting.claim(), setting.canary_patients(0), device=CPU).verdict == "uninformative"


def refuted(name, attempts):
    """Whether a broken training is found out; a repeat may miss it, at most one in ten does."""
    setting, implementation = VARIANTS[name]
    claim = setting.claim()
    return any(
        attack(claim, setting.canary_patients(seed), implementation(setting.rate), device=CPU).refutes
        for seed in range(attempts)
    )


def test_too_little_noise_is_found_out():
    assert refuted("noise / 10", 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no clipping", "image-level clipping", "seeded sampling"])
def test_other_broken_trainings_are_found_out(name):
    assert refuted(name, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_right_mechanism_is_never_refuted(seed):
    setting, implementation = VARIANTS["right"]
    assert not attack(setting.claim(), setting.canary_patients(seed), implementation(setting.rate), device=CPU).refutes
