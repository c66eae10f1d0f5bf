"""Programs of others: what they say is understood, where they lack it is said, and what they refuse is refused."""

import pydicom
import pytest

from medsyngen.release.check_validators import DRAWN, check_validators, drawn
from medsyngen.release.validators import VALIDATORS, Validator

BY_NAME = {validator.name: validator for validator in VALIDATORS}


def here(name):
    validator = BY_NAME[name]
    if validator.program is None:
        pytest.skip(f"EXTERNAL: no {name} on this machine")
    return validator


@pytest.mark.parametrize("name", ["dciodvfy", "dcentvfy"])
def test_dicom_files_pass_and_the_version_is_told(cohort, name):
    (verdict,) = check_validators(cohort.folder, cohort.draft.files, [here(name)])
    assert (verdict.word, verdict.rules) == ("passed", ("G10",))
    assert verdict.tool.name == name
    assert verdict.tool.version[:1].isdigit()


@pytest.mark.parametrize("keyword", ["StudyID", "Modality", "PatientOrientation", "ViewPosition", "Rows"])
def test_a_dicom_file_without_a_required_attribute_fails(cohort, keyword):
    cohort.change_dicom(lambda ds: delattr(ds, keyword))
    (verdict,) = check_validators(cohort.folder, cohort.draft.files, [here("dciodvfy")])
    assert verdict.word == "failed"
    assert "Error" not in verdict.problems[0].reason


def test_two_names_of_one_patient_fail(cohort):
    first = pydicom.dcmread(cohort.folder / "dicom/SYN-000001.dcm")

    def same_study(ds):
        ds.StudyInstanceUID, ds.PatientID, ds.StudyDate = first.StudyInstanceUID, first.PatientID, "20250102"

    cohort.change_dicom(same_study)
    (verdict,) = check_validators(cohort.folder, cohort.draft.files, [here("dcentvfy")])
    assert verdict.word == "failed"


def test_what_is_not_here_is_not_said_to_have_passed(cohort):
    absent = Validator("no-such-program", (), ".dcm", "dicom", lambda code, told: 0)
    (verdict,) = check_validators(cohort.folder, cohort.draft.files, [absent])
    assert (verdict.word, verdict.tool.version) == ("not run", "")
    assert check_validators(cohort.folder, ["png/SYN-000001.png"], [absent]) == []


def test_a_program_that_breaks_has_not_passed(cohort):
    broken = Validator("false", (), ".dcm", "dicom", lambda code, told: int(code != 0))
    (verdict,) = check_validators(cohort.folder, cohort.draft.files, [broken])
    assert verdict.word == "failed"


@pytest.mark.parametrize(
    ("name", "code", "told", "errors"),
    [
        ("dciodvfy", 0, "CRImage\n", 0),
        ("dciodvfy", 1, "Error - </StudyID(0020,0010)> - Missing\nError - <x> - y\n", 2),
        ("dciodvfy", 1, "", 1),
        ("dciodvfy", -1, "", 1),
        ("dciodvfy", 0, "Error - </(0008,001c)> - Attribute with an even group number is not a recognized one\n", 0),
        ("dcentvfy", 0, "", 0),
        ("dcentvfy", 0, "Error - Attribute is different\n", 1),
        ("nifti_tool", 0, "header IS GOOD for file x\n", 0),
        ("nifti_tool", 0, "header is not so good\n", 1),
        ("bids-validator-deno", 16, "", 1),
        ("bids-validator-deno", 0, "", 0),
    ],
)
def test_what_a_program_says_is_understood(name, code, told, errors):
    assert BY_NAME[name].judge(code, told) == errors


def test_the_first_file_and_some_by_chance():
    files = [f"dicom/{n}.dcm" for n in range(100, 200)]
    chosen = drawn(files)
    assert len(set(chosen)) == DRAWN + 1
    assert files[0] in chosen
    assert set(chosen) <= set(files)
    assert drawn(files[:3]) == files[:3]


def test_the_gate_asks_them_and_tells_the_manifest(cohort):
    words = {verdict.check: verdict.word for verdict in cohort.review().verdicts}
    for name in ("dciodvfy", "dcentvfy"):
        assert words[name] == ("passed" if BY_NAME[name].program else "not run")
    assert "nifti_tool" not in words
