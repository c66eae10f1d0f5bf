"""``medsyngen plan`` for a recipe of votes and training."""

import pytest

RECIPE = ["evolved-chest-radiograph-32", "--patients-at-most", 264, "--no-measure"]


def test_it_tells_both_parts_and_what_each_costs(cli):
    done = cli("plan", *RECIPE)
    assert done.code == 0
    text = " ".join((done.out + done.err).split())
    for words in ("First part: votes", "votes / noise", "Second part: private training", "clipping norm", "both"):
        assert words in text
    shown = cli("plan", *RECIPE, "--json").json
    for part in ("votes", "training"):
        assert f"{shown[part]['noise_multiplier']:g}" in text
    assert shown["training_alone"] < shown["epsilon"] <= 8


def test_where_training_suffices_it_is_what_is_recommended(cli):
    many = (
        "--patients-at-most",
        300_000,
        "--set",
        "privacy.epsilon=50",
        "--set",
        "privacy.delta=1.0e-8",
        "--no-measure",
    )
    more = ("--set", "synthesis.private.patients_per_step=150000")
    shown = cli("plan", "evolved-chest-radiograph-32", *many, *more, "--json").json
    assert shown["training"]["enough"] == "yes"
    assert shown["recommendation"]["recipe"] == "evolved-chest-radiograph-32"


def test_without_private_training_it_says_so(cli):
    done = cli("plan", *RECIPE, "--set", "synthesis.public_bands=all")
    assert "Second part: none" in done.out + done.err
    assert "clipping" not in done.out + done.err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["plan", *RECIPE, "--network-evaluations", 100], "--network-evaluations"),
        (["plan", *RECIPE, "--images-per-second", 0], "images per second must be positive"),
        (["plan", *RECIPE, "--set", "synthesis.public_bands=all", "--images-per-second", 5], "no use for --images-per"),
    ],
)
def test_what_is_about_one_part_alone_is_refused(cli, command, words):
    done = cli(*command)
    assert done.code == 2
    assert words in " ".join(done.err.split())
