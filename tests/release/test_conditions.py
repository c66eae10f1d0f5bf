"""A cohort with declared attributes: in table, DICOM and README; the gate takes their values and no others."""

import csv

import numpy as np
import pydicom
import pytest
from released import sound_report

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.errors import ReleaseRefused
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import write_draft
from medsyngen.release.form import ReleaseForm
from medsyngen.release.gate import ReleaseGate
from medsyngen.synthesis.synthesizer import Draws

FINDING = Attribute("finding", (ClassDefinition("normal", "0", 0.5), ClassDefinition("odd | one", "1", 0.5)))
SEX = Attribute("sex", (ClassDefinition("female", "F", 0.4), ClassDefinition("male", "M", 0.6)), dicom="PatientSex")
VIEW = Attribute(
    "view", (ClassDefinition("front", "PA", 0.5), ClassDefinition("side", "LL", 0.5)), dicom="ViewPosition"
)
SIDE = Attribute("side", (ClassDefinition("left", "L", 0.5), ClassDefinition("right", "R", 0.5)), dicom="Laterality")
ALL = (FINDING, SEX, VIEW, SIDE)
VALUES = {
    "finding": ("normal", "odd | one", "normal"),
    "sex": ("male", "", "female"),
    "view": ("front", "side", ""),
    "side": ("left", "right", ""),
}


def draft(folder, attributes=ALL, form=ReleaseForm(view_position="AP", body_part="KNEE")):
    folder.mkdir()
    draws = Draws(np.zeros((3, 1, 4, 4), np.float32), conditions={a.name: VALUES[a.name] for a in attributes})
    return write_draft(draws, form, guarantee="", report_files=sound_report(), folder=folder, attributes=attributes)


def review(of, identifiers=frozenset()):
    facts = GuaranteeFacts(epsilon=1.0, delta=1e-6, unit="patient", seeded=False, not_private=False)
    return ReleaseGate(8.0, 1e-5).review(of, guarantee=facts, identifiers=frozenset(identifiers))


def refusal(of, **more):
    with pytest.raises(ReleaseRefused) as caught:
        review(of, **more)
    return "\n".join(caught.value.details)


def test_table_and_files_say_the_same_and_pass(tmp_path):
    written = draft(tmp_path / "a")
    rows = list(csv.DictReader((tmp_path / "a" / "cohort.csv").read_text("utf-8").splitlines()))
    assert list(rows[0]) == ["dicom", "png", "synthetic_patient_id", "finding", "sex", "view", "side"]
    for i, row in enumerate(rows):
        assert {name: row[name] for name in VALUES} == {name: values[i] for name, values in VALUES.items()}
    files = [pydicom.dcmread(tmp_path / "a" / row["dicom"]) for row in rows]
    assert [ds.PatientSex or "" for ds in files] == ["M", "", "F"]
    assert [ds.ViewPosition for ds in files] == ["PA", "LL", "AP"]  # nothing said: that of the recipe's release
    assert [list(ds.PatientOrientation) for ds in files] == [["L", "F"], ["P", "F"], ["L", "F"]]
    assert [ds.get("Laterality", "") for ds in files] == ["L", "R", ""]
    assert files[0].ImageComments == "synthetic class: finding = normal; sex = male; view = front; side = left"
    assert "finding = odd | one; sex = none" in files[1].ImageComments
    assert all(verdict.passed for verdict in review(written).verdicts)


def test_the_readme_lists_values_and_shares(tmp_path):
    written = draft(tmp_path / "a", (FINDING, SEX))
    text = (written.folder / "README.md").read_text("utf-8")
    assert "a column for each attribute: `finding`, `sex`" in text
    assert "| `finding` | normal 0.5, odd \\| one 0.5 |" in text
    assert "| `sex` (DICOM PatientSex) | female 0.4, male 0.6 |" in text
    assert "independent" in text
    without = write_draft(
        Draws(np.zeros((1, 1, 4, 4), np.float32), ("x",)),
        ReleaseForm(),
        guarantee="",
        report_files={},
        folder=_made(tmp_path / "b"),
    )
    assert "its class (empty: no class)" in (without.folder / "README.md").read_text("utf-8")


def _made(folder):
    folder.mkdir()
    return folder


def test_words_of_the_readme_are_no_source_identifiers(tmp_path):
    assert review(draft(tmp_path / "a", (SEX,)), identifiers={"declared shares", "independent"})
    assert "source identifier" in refusal(draft(tmp_path / "b", (FINDING,)), identifiers={"odd | one"})


@pytest.mark.parametrize(
    ("attributes", "keyword", "value", "refused"),
    [
        (ALL, "PatientSex", "O", True),  # a code, but not one that the recipe declares
        (ALL, "PatientSex", "F", True),  # one that it declares, but not this picture's in the table
        (ALL, "PatientSex", "", False),
        ((FINDING,), "PatientSex", "F", True),
        ((FINDING,), "PatientSex", "", False),
        ((FINDING,), "Laterality", "L", True),
        (ALL, "Laterality", "B", True),
        (ALL, "ViewPosition", "RL", True),
        (ALL, "ViewPosition", "AP", True),
        (ALL, "ViewPosition", "LL", False),
        ((FINDING,), "ViewPosition", "PA", True),
        (ALL, "PatientAge", "042Y", True),
        (ALL, "PatientName", "Doe^Quintessa", True),
    ],
)
def test_what_may_stand_in_a_file(tmp_path, attributes, keyword, value, refused):
    written = draft(tmp_path / "a", attributes)
    path = tmp_path / "a" / "dicom" / "SYN-000002.dcm"
    ds = pydicom.dcmread(path)
    setattr(ds, keyword, value)
    ds.save_as(path, overwrite=True)
    if refused:
        assert "picture 2" in refusal(written)
    else:
        assert review(written)


def test_an_unknown_side_is_empty_and_what_comes_once_has_none(tmp_path):
    """Laterality is of type 2C: of a paired body part it must be there, of another it may not."""
    for part, there in (("KNEE", True), ("CHEST", False)):
        written = draft(tmp_path / part, (SEX,), ReleaseForm(body_part=part))
        ds = pydicom.dcmread(written.folder / "dicom" / "SYN-000003.dcm")
        assert ("Laterality" in ds, ds.get("Laterality") or "") == (there, "")
        assert review(written)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (",normal,male,", ",normal,Quintessa,", "row 1 of cohort.csv holds a value"),
        (",finding,sex,", ",finding,ward,", "another header"),
        ("000003,normal,female,,\n", "000003,normal,female,,,more\n", "another header"),
    ],
)
def test_a_table_with_anything_else_is_refused(tmp_path, old, new, text):
    written = draft(tmp_path / "a")
    path = written.folder / "cohort.csv"
    before = path.read_text("utf-8")
    assert before.count(old) == 1
    path.write_text(before.replace(old, new), "utf-8")
    assert text in refusal(written)


def test_draws_without_a_declared_attribute_are_not_written(tmp_path):
    draws = Draws(np.zeros((1, 1, 4, 4), np.float32), conditions={"finding": ("normal",)})
    with pytest.raises(KeyError):
        write_draft(draws, ReleaseForm(), guarantee="", report_files={}, folder=tmp_path, attributes=(FINDING, SEX))
