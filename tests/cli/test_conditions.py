"""Two attributes through ``fit`` and ``export``: from label file and header to table, DICOM, README and report."""

import csv
import json
from collections import Counter
from pathlib import Path

import pydicom
import pytest
import yaml
from leaks import identifiers_of, leaks
from safetensors.torch import load_file

RECIPE = """
conditions:
  - name: finding
    column: label
    values:
      - {name: normal, label: "0", share: 0.6}
      - {name: opacity, label: "1", share: 0.4}
  - name: sex
    dicom: PatientSex
    values:
      - {name: female, label: F, share: 0.5}
      - {name: male, label: M, share: 0.5}
"""


@pytest.fixture
def recipe(cli, tmp_path: Path) -> Path:
    path = tmp_path / "ours.yaml"
    shipped = yaml.safe_load(cli("recipes", "smoke-16").out)
    path.write_text(yaml.safe_dump({**shipped, "classes": []}) + RECIPE)
    return path


@pytest.mark.slow
def test_two_attributes_from_scans_to_cohort(cli, clean_hospital: Path, tmp_path: Path, recipe: Path):
    run, out = tmp_path / "run", tmp_path / "cohort"
    small = ("synthesis.public.steps=3", "synthesis.sampler_steps=2", "synthesis.private.steps=2")
    words = [word for text in small for word in ("--set", text)]
    fit = cli(
        *("fit", recipe, "--scans", clean_hospital, "--run", run, "--patients-at-most", 50),
        *("--own-ledger", "a test", "--json", *words),
    )
    assert fit.code == 0, fit.err
    assert not [line for line in fit.json["notices"] if "label of the recipe" in line]
    assert json.loads((run / "private" / "reading.json").read_text())["unlabelled"] == 0
    tensors = load_file(run / "generator.safetensors")
    assert len(tensors["public.class_embedding.weight"]) == 1
    assert len(tensors["context.class_embedding.table.weight"]) == 2 + 1 + 2 + 1

    export = cli("export", run, "--out", out, "--count", 20, "--json")
    assert export.code == 0, export.err
    rows = list(csv.DictReader((out / "cohort.csv").read_text("utf-8").splitlines()))
    assert list(rows[0]) == ["dicom", "png", "synthetic_patient_id", "finding", "sex"]
    told = Counter((row["finding"], row["sex"]) for row in rows)
    assert told == {
        ("normal", "female"): 6,
        ("normal", "male"): 6,
        ("opacity", "female"): 4,
        ("opacity", "male"): 4,
    }
    for row in rows:
        assert pydicom.dcmread(out / row["dicom"]).PatientSex == {"female": "F", "male": "M"}[row["sex"]]
    report = json.loads((out / "privacy_report.json").read_text("utf-8"))
    assert report["release"]["classes"] == {
        "finding: normal": 12,
        "finding: opacity": 8,
        "sex: female": 10,
        "sex: male": 10,
    }
    assert [each["name"] for each in report["recipe"]["conditions"]] == ["finding", "sex"]
    assert "sex: female" in (out / "privacy_report.html").read_text("utf-8")
    assert "| `sex` (DICOM PatientSex) | female 0.5, male 0.5 |" in (out / "README.md").read_text("utf-8")
    assert leaks(out, identifiers_of(clean_hospital)) == []
    assert leaks(run, identifiers_of(clean_hospital)) == []

    again = cli("fit", recipe, "--scans", clean_hospital, "--run", run, "--patients-at-most", 50, "--json", *words)
    assert again.code == 0, again.err  # the same recipe, as the run folder knows it
    assert again.json["already_finished"]


def test_a_label_file_without_the_column_is_refused_before_anything_is_charged(cli, hospital, tmp_path, recipe):
    (hospital / "labels.csv").write_text("patient_id,finding\nSIM-00001,0\n")
    done = cli(
        *("fit", recipe, "--scans", hospital, "--run", tmp_path / "run", "--patients-at-most", 50),
        *("--own-ledger", "a test"),
    )
    assert done.code == 3
    assert "`label`" in done.text
    assert "SIM-00001" not in done.text
    assert not (tmp_path / "run").exists()
