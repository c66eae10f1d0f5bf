"""The folder of the simulated hospital: complete or absent, the same bytes again, readable by others, valid CR."""

from __future__ import annotations

import ast
import csv
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

import medsyngen.simulation
from medsyngen.errors import UsageError
from medsyngen.randomness import Streams
from medsyngen.simulation import HospitalFacts, simulate_hospital, simulate_images


def bytes_of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HospitalFacts]:
    folder = tmp_path_factory.mktemp("simulated") / "hospital"
    return folder, simulate_hospital(folder, patients=40, size=32, seed=7)


@pytest.fixture(scope="module")
def table(written: tuple[Path, HospitalFacts]) -> list[dict[str, str]]:
    with (written[0] / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_facts_agree_with_the_folder(written: tuple[Path, HospitalFacts], table: list[dict[str, str]]) -> None:
    folder, facts = written
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.dcm"))
    assert [row["path"] for row in table] == files
    assert files[0] == "SIM-00001/001.dcm"
    opacities = sum(row["label"] == "1" for row in table)
    assert facts == HospitalFacts(patients=40, scans=len(files), opacities=opacities, size=32)
    assert len(list(folder.glob("SIM-*"))) == 40


def test_the_readme_says_plainly_that_it_is_simulated(written: tuple[Path, HospitalFacts]) -> None:
    text = (written[0] / "README.txt").read_text()
    assert text.startswith("SIMULATED HOSPITAL")
    assert "No person stands behind any file" in text


def test_pydicom_reads_back_the_pictures(written: tuple[Path, HospitalFacts], table: list[dict[str, str]]) -> None:
    folder, _ = written
    pictures = np.concatenate(simulate_images(40, 32, Streams(7).numpy("simulated hospital: pictures"))[0])[:, 0]
    inverted = 0
    for row, picture in zip(table, pictures, strict=True):
        data = pydicom.dcmread(folder / row["path"])
        stored = data.pixel_array.astype(float)
        if data.PhotometricInterpretation == "MONOCHROME1":
            stored, inverted = 4095 - stored, inverted + 1
        assert np.abs(stored / 4095 * 2 - 1 - picture).max() <= 1 / 4095 + 1e-6
        assert data.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert (data.Modality, data.BitsAllocated, data.BitsStored) == ("CR", 16, 12)
    assert 0 < inverted < 0.3 * len(table)


def test_patients_are_disjoint_and_searchable(written: tuple[Path, HospitalFacts], table: list[dict[str, str]]) -> None:
    folder, _ = written
    owners: dict[str, set[str]] = {"StudyInstanceUID": set(), "SeriesInstanceUID": set(), "AccessionNumber": set()}
    names, images, studies = set(), set(), set()
    for row in table:
        data = pydicom.dcmread(folder / row["path"], stop_before_pixels=True)
        assert data.PatientID == row["patient_id"] == Path(row["path"]).parent.name
        assert str(data.PatientName) == f"SIMULATED^Patient {data.PatientID[4:]}"
        names.add(str(data.PatientName))
        images.add(data.SOPInstanceUID)
        studies.add((data.PatientID, data.StudyInstanceUID))
        for keyword, seen in owners.items():
            seen.add(f"{data.PatientID} {data[keyword].value}")
    assert len(images) == len(table)
    assert len(names) == len(studies) == 40
    for seen in owners.values():
        values = [entry.split()[1] for entry in seen]
        assert len(values) == len(set(values)) == 40  # no value is shared by two patients


def test_same_seed_same_bytes_other_seed_other_uids(tmp_path: Path, written: tuple[Path, HospitalFacts]) -> None:
    simulate_hospital(tmp_path / "again", patients=40, size=32, seed=7)
    assert bytes_of(tmp_path / "again") == bytes_of(written[0])
    simulate_hospital(tmp_path / "other", patients=2, size=16, seed=8)
    uid = [pydicom.dcmread(folder / "SIM-00001/001.dcm").SOPInstanceUID for folder in (tmp_path / "other", written[0])]
    assert uid[0] != uid[1]


def test_every_file_is_a_valid_computed_radiograph(written: tuple[Path, HospitalFacts]) -> None:
    validator = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")
    assert validator, "dciodvfy comes with the test extra (dicom3tools)"
    for path in sorted(written[0].rglob("*.dcm"))[:12]:
        verdict = subprocess.run([validator, str(path)], capture_output=True, text=True, check=False)
        text = verdict.stdout + verdict.stderr
        assert "CRImage" in text
        assert "Error" not in text


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError):
        simulate_hospital(tmp_path, patients=2, size=16, seed=0)
    assert bytes_of(tmp_path).keys() == {"mine.txt"}


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(phase: str, done: int, total: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_hospital(tmp_path / "hospital", patients=10, size=16, seed=0, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_at_the_number_of_files(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    facts = simulate_hospital(
        tmp_path / "hospital", patients=5, size=16, seed=0, progress=lambda _, done, total: told.append((done, total))
    )
    assert told[-1] == (facts.scans, facts.scans)
    assert told == sorted(told)


def test_shares_no_code_with_phantoms_formats_or_training() -> None:
    allowed = {"simulation", "errors", "progress", "randomness", "scan"}
    for path in Path(medsyngen.simulation.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.split(".")[0] == "medsyngen":
                    assert name.split(".")[1] in allowed, f"{path.name} imports {name}"
