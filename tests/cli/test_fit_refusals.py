"""What `fit` and `export` refuse, with which exit code, and that nothing half-done is left behind."""

from __future__ import annotations

import pydicom
import pytest

ENOUGH = ("--patients-at-most", 40)


@pytest.fixture
def refused(cli, tmp_path, private_words):
    """Runs a fit that must be refused with a code; returns all that was printed."""

    def run(code, scans, *options, recipe="smoke-16", ledger=("--own-ledger", "a test")):
        before = sorted(tmp_path.iterdir())
        done = cli("fit", recipe, "--scans", scans, "--run", tmp_path / "run", *options, *ledger, "--json")
        assert (done.code, done.out) == (code, ""), done.err
        assert done.err.count("error: ") == 1
        assert "next: " in done.err
        assert sorted(tmp_path.iterdir()) == before, "something was left behind"
        assert [word for word in (*private_words, ".dcm") if word in done.text] == []
        return done.text

    return run


def test_too_many_unusable_files(refused, damaged):
    text = refused(4, damaged, *ENOUGH, "--set", "scans.max_skipped_share=0.01")
    assert all(reason in text for reason in ("coloured", "truncated", "not-dicom"))
    assert text.count("case 0") >= 3


def test_an_empty_folder(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(3, tmp_path / "empty", *ENOUGH)


def test_no_folder(refused, tmp_path):
    refused(3, tmp_path / "nowhere", *ENOUGH)


def test_one_patient_id_for_all(refused, hospital):
    for path in hospital.rglob("*.dcm"):
        header = pydicom.dcmread(path)
        header.PatientID = "SAME"
        header.save_as(path)
    assert "--patient-map" in refused(3, hospital, *ENOUGH)


def test_more_patients_than_the_public_bound(refused, clean_hospital):
    text = refused(3, clean_hospital, "--patients-at-most", 39)
    assert "patients_at_most (39)" in text
    assert "40" not in text, "the exact number of patients is nobody's business"


def test_no_public_bound(refused, clean_hospital):
    assert "patients_at_most" in refused(2, clean_hospital)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("synthesis.private.stepz=3", "did you mean 'steps'"),
        ("privacy.epsilon=-1", "epsilon"),
        ("privacy.epsilon", "a.b=c"),
        ("synthesis.method=magic", "staged-diffusion"),
        ("scans.size=17", "scans.size"),
    ],
)
def test_a_recipe_with_an_unknown_key_or_a_bad_value(refused, clean_hospital, override, words):
    assert words in refused(2, clean_hospital, *ENOUGH, "--set", override)


def test_all_faults_of_a_recipe_are_told_at_once(refused, clean_hospital):
    text = refused(2, clean_hospital, *ENOUGH, "--set", "privacy.epsilom=1", "--set", "scans.sizes=16")
    assert "privacy.epsilom" in text
    assert "scans.sizes" in text


def test_a_file_that_is_no_recipe(refused, clean_hospital, tmp_path):
    (tmp_path / "bad.yaml").write_text("name: [unclosed\n")
    refused(2, clean_hospital, *ENOUGH, recipe=tmp_path / "bad.yaml")


def test_a_delta_that_would_give_up_single_patients(refused, clean_hospital):
    refused(5, clean_hospital, *ENOUGH, "--set", "privacy.delta=0.01")


def test_a_device_that_is_not_here(refused, clean_hospital):
    refused(2, clean_hospital, *ENOUGH, "--device", "abacus")


def test_a_label_file_that_is_not_there(refused, clean_hospital, tmp_path):
    refused(3, clean_hospital, *ENOUGH, "--labels", tmp_path / "nowhere.csv")


def test_a_patient_map_that_names_nobody(refused, clean_hospital, tmp_path):
    (tmp_path / "map.csv").write_text("who,is,who\n")
    refused(3, clean_hospital, *ENOUGH, "--patient-map", tmp_path / "map.csv")


def test_a_run_folder_that_is_something_else(cli, clean_hospital, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    done = cli("fit", "smoke-16", "--scans", clean_hospital, "--run", tmp_path / "run", *ENOUGH)
    assert done.code == 2
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("command", "options"), [("export", ["--out", "cohort", "--count", 3]), ("report", []), ("ledger show", [])]
)
def test_commands_on_a_folder_that_is_no_run(cli, monkeypatch, tmp_path, command, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    done = cli(*command.split(), "folder", *options)
    assert (done.code, done.out) == (2, "")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize("formats", ["", ",", "dicom,gif"])
def test_a_format_that_nobody_writes(cli, tmp_path, formats):
    done = cli("export", tmp_path / "run", "--out", tmp_path / "cohort", "--count", 3, "--format", formats)
    assert (done.code, done.out) == (2, "")
    assert not (tmp_path / "cohort").exists()
