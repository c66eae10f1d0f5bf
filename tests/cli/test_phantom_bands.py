"""``medsyngen phantoms bands``: the table, the plot, and what it refuses before anything is trained."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

NAMES = ("dead_leaves", "power_law")


@pytest.fixture
def quick(monkeypatch):
    from medsyngen.diffusion import family_gaps

    monkeypatch.setattr(family_gaps, "SPECTRUM_IMAGES", 64)
    monkeypatch.setattr(family_gaps, "MEASURED_IMAGES", 4)
    monkeypatch.setattr(family_gaps, "LOG_SIGMAS", (-6.0, -3.0, 0.0, 2.0, 5.0))


@pytest.mark.usefixtures("quick")
def test_a_table_a_plot_and_the_numbers(cli, tmp_path):
    plot = tmp_path / "gaps.svg"
    done = cli("phantoms", "bands", *NAMES, "--size", 8, "--steps", 2, "--out", plot, "--json")
    assert done.code == 0, done.err
    rows = done.json["rows"]
    assert [row["log_sigma"] for row in rows] == [-6, -3, 0, 2, 5]
    shift = 0.5 * math.log(64 / 784)
    assert done.json["edges"] == pytest.approx({"cleaning": -3, "context": 2 + shift})
    for row in rows:
        c_out2_over = 64 * 0.25 / (math.exp(2 * row["log_sigma"]) + 0.25)
        assert row["closed_form_nats"] == pytest.approx(row["closed_form"] * c_out2_over)
        assert row["measured"] > 0 < row["floor"]
    assert rows[0]["closed_form_nats"] < rows[2]["closed_form_nats"] > rows[4]["closed_form_nats"]
    assert "about" in done.err  # how long it takes, said before
    assert "network 3 of 3, dead_leaves" in done.err
    for word in ("cleaning", "context", "coarse", "floor", "edges: cleaning -3.00"):
        assert word in done.err
    assert ET.parse(plot).getroot().tag.endswith("svg")


@pytest.mark.usefixtures("quick")
def test_without_a_file_there_is_the_table_alone(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("phantoms", "bands", *NAMES, "--size", 8, "--steps", 1)
    assert done.code == 0, done.err
    assert "closed form" in done.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dead_leafs", "power_law"), "dead_leaves"),
        ((*NAMES, "--size", 30), "multiple of 4"),
        ((*NAMES, "--out", "no/gaps.svg"), "folder is not there"),
    ],
)
def test_what_can_not_be_done_is_said_at_once(cli, monkeypatch, words, said):
    from medsyngen.diffusion import family_gaps, measured_gaps

    for module in (family_gaps, measured_gaps):
        monkeypatch.setattr(module, "train_denoiser", None)  # calling it would be an internal error, exit code 1
    done = cli("phantoms", "bands", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
