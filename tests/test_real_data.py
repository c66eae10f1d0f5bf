"""The main job on real scans, through the real command: small settings here, the full figures in `make prove`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
from dp_accounting.pld import PLDAccountant
from leaks import identifiers_of, leaks

pytestmark = [pytest.mark.slow, pytest.mark.realdata]

CASES = {
    "nih": ("nih_cxr_dicom", 300, "[{name: normal, label: '0', share: 0.5}, {name: abnormal, label: '1', share: 0.5}]"),
    "kermany": (
        "kermany_cxr64/kermany_cxr64.npz",
        3200,
        "[{name: normal, label: '0', share: 0.3}, {name: pneumonia, label: '1', share: 0.7}]",
    ),
}


def medsyngen(*words: object) -> subprocess.CompletedProcess[str]:
    code = "from importlib.metadata import entry_points as e; (c,) = e(group='console_scripts', name='medsyngen'); "
    return subprocess.run(
        [sys.executable, "-c", code + "raise SystemExit(c.load()())", *map(str, words)], capture_output=True, text=True
    )


@pytest.fixture(scope="module", params=CASES)
def job(request, real_data: Path, tmp_path_factory) -> tuple[Path, Path, Path, str]:
    """(scans, run, cohort, everything printed) of one whole job."""
    name, n_max, classes = CASES[request.param]
    scans, folder = real_data / name, tmp_path_factory.mktemp(request.param)
    if not scans.exists():
        pytest.skip(f"REALDATA: {name} is not in the folder of real scans")
    run, cohort = folder / "run", folder / "cohort"
    fit = medsyngen(
        *("fit", "smoke-16", "--scans", scans, "--run", run, "--patients-at-most", n_max, "--own-ledger", "a test"),
        *("--set", f"classes={classes}", "--set", "synthesis.private.patients_per_step=30"),
    )
    assert fit.returncode == 0, fit.stderr
    export = medsyngen("export", run, "--out", cohort, "--count", 12, "--format", "dicom,png")
    assert export.returncode == 0, export.stderr
    return scans, run, cohort, fit.stdout + fit.stderr + export.stdout + export.stderr


def test_no_string_of_a_source_header_is_anywhere_outside_private(job):
    scans, run, cohort, printed = job
    identifiers = identifiers_of(scans)
    assert len(identifiers) > 1000
    assert leaks(run, identifiers) == []
    assert leaks(cohort, identifiers, leave_out="") == []
    assert not [text for text in identifiers if text in printed]
    assert "Fictional" not in printed


def test_every_exported_dicom_passes_the_validator(job):
    files = sorted((job[2] / "dicom").rglob("*.dcm"))
    assert len(files) == 12
    for file in files:
        validator = Path(sys.executable).with_name("dciodvfy")
        result = subprocess.run([validator, "-new", file], capture_output=True, text=True)
        assert result.returncode == 0
        assert "Error" not in result.stderr


def test_epsilon_of_the_report_follows_from_its_events(job):
    """Recomputed from the JSON alone, by the library itself, event by event."""
    report = json.loads((job[2] / "privacy_report.json").read_text())
    accountant = PLDAccountant()
    steps = 0
    for line in report["ledger"]["lines"]:
        if line["kind"] == "charge":
            event = line["event"]
            inner = event["event"]
            sigma = inner["event"]["noise_multiplier"]
            accountant.compose(
                PoissonSampledDpEvent(inner["sampling_probability"], GaussianDpEvent(sigma)), event["count"]
            )
            steps += event["count"]
    delta = report["guarantee"]["delta"]
    assert steps == 5
    assert accountant.get_epsilon(delta) == pytest.approx(report["guarantee"]["epsilon"], rel=1e-2)
    assert report["guarantee"]["epsilon"] <= 8
    html = (job[2] / "privacy_report.html").read_text()
    assert "patient" in html


def test_what_must_stay_inside_is_closed_to_others(job):
    private = job[1] / "private"
    assert private.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o077 == 0 for p in private.iterdir())


def test_the_exact_number_of_patients_is_in_no_file_that_may_leave(job):
    """N_max is 300 and 3200; there are 264 and 3103 patients."""
    manifest = json.loads((job[2] / "manifest.json").read_text())
    report = json.loads((job[2] / "privacy_report.json").read_text())

    def numbers(value):
        if isinstance(value, dict):
            return {n for v in value.values() for n in numbers(v)}
        if isinstance(value, list):
            return {n for v in value for n in numbers(v)}
        return {value} if isinstance(value, int | float) else set()

    sizes = {entry["bytes"] for entry in manifest["files"].values()} if isinstance(manifest["files"], dict) else set()
    assert not (numbers(report) | (numbers(manifest) - sizes)) & {264, 3103}
