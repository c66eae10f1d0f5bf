"""``medsyngen init``: a recipe that plans, never over a file that is there."""

from __future__ import annotations

import pytest

INIT = ("init", "--modality", "CR", "--size", 32, "--patients-at-most", 800)


def test_the_written_file_plans(cli, tmp_path):
    out = tmp_path / "ours.yaml"
    done = cli(*INIT, "--epsilon", 1, "--classes", "normal=0:0.6,abnormal=1:0.4", "--out", out)
    assert done.code == 0, done.err
    assert "medsyngen plan" in done.out
    planned = cli("plan", out, "--no-measure", "--json")
    assert planned.code == 0, planned.err
    assert (planned.json["recipe"], planned.json["patients_at_most"]) == ("cr-32", 800)


@pytest.mark.parametrize("code", ["CR", "DX", "SC", "CT", "MR"])
def test_each_modality_plans(cli, tmp_path, code):
    out = tmp_path / "ours.yaml"
    assert cli("init", "--modality", code, "--size", 32, "--patients-at-most", 800, "--out", out).code == 0
    planned = cli("plan", out, "--no-measure", "--json")
    assert planned.code == 0, planned.err
    assert (planned.json["recipe"], planned.json["patients_at_most"]) == (f"{code.lower()}-32", 800)


def test_it_refuses_to_overwrite_and_writes_nothing_it_can_t_stand_for(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text("mine")
    done = cli(*INIT)
    assert (done.code, (tmp_path / "recipe.yaml").read_text()) == (2, "mine")
    assert "exists already" in done.err
    done = cli("init", "--modality", "US", "--size", 32, "--patients-at-most", 800, "--out", "us.yaml")
    assert done.code == 2
    assert "--phantom" in done.err
    assert cli(*INIT, "--out", "nowhere/a.yaml").code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]
