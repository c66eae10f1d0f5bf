"""``medsyngen plan`` and ``audit`` for a portrait."""

import pytest

RECIPE = ["portrait-32", "--patients-at-most", 264]


def test_people_read_noise_beside_what_is_looked_for_and_what_to_take(cli):
    done = cli("plan", *RECIPE)
    assert done.code == 0
    text = " ".join((done.out + done.err).split())
    for words in (
        "3.731",
        "looked for 0.4",
        "Enough for a portrait",
        "time: about",
        "At 264 patients and ε = 1: portr",
    ):
        assert words in text
    for words in ("sampling rate", "DP-SGD", "network evaluations", "votes a member", "iteration"):
        assert words not in text


def test_machines_get_the_same(cli):
    shown = cli("plan", *RECIPE, "--no-measure", "--json").json
    assert (shown["recipe"], shown["enough"], shown["seconds"]) == ("portrait-32", "yes", None)
    assert shown["recommendation"]["recipe"] == "portrait-32"


def test_what_is_about_training_has_no_use(cli):
    done = cli("plan", *RECIPE, "--least-steps", 3)
    assert done.code == 2
    assert "--least-steps" in done.err


@pytest.mark.parametrize(
    ("name", "sums"), [("portrait-32", "1 noised sum,"), ("private-evolution-32", "4 noised sums")]
)
def test_the_audit_attacks_what_is_asked(cli, name, sums):
    done = cli("audit", name, "--patients-at-most", 264, "--repeats", 100)
    assert done.code == 0
    text = " ".join((done.out + done.err).split())
    for words in (sums, "no scan was read", "White box", "Runs: 100 with the canary", "Verdict: consistent"):
        assert words in text


def test_a_violation_ends_with_what_to_do(cli, monkeypatch):
    import medsyngen.evaluation.auditing_sums as auditing

    found = auditing.SumAudit(1.0, 1e-5, 0.27, 100, 0.9, 0.8, 4.0, 3.0)
    monkeypatch.setattr(auditing, "audit_sum", lambda *_, **__: found)
    done = cli("audit", *RECIPE, "--json")
    assert done.code == 7
    assert done.json["verdict"] == "VIOLATION"
    assert "don't release" in " ".join(done.err.split())
