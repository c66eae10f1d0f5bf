"""From label file, archive and header to the rows of a scan: a rule on one scan alone."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.labelling import Labelling
from medsyngen.cohort.labels import ClassDefinition, LabelTable
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.cohort.sharing import receive_cohort, send_cohort
from medsyngen.cohort.transforms import ScanForm
from medsyngen.errors import InputUnusable
from medsyngen.scan import PatientKey

FINDING = Attribute(
    "finding", (ClassDefinition("normal", "0", 0.6), ClassDefinition("opacity", "1", 0.4)), column="Label"
)
SEX = Attribute("sex", (ClassDefinition("female", "F", 0.5), ClassDefinition("male", "M", 0.5)), dicom="PatientSex")
VIEW = Attribute("view", (ClassDefinition("front", "pa", 0.5), ClassDefinition("side", "ll", 0.5)))
FORM = ScanForm(modalities=("CR",), size=16, attributes=(FINDING, SEX))
PIXELS = np.arange(256, dtype=np.uint16).reshape(16, 16)


def rows(result) -> dict[str, list]:
    return {key.patient_id: result.cohort[key].classes.tolist() for key in result.cohort}


@pytest.fixture
def mixed(tmp_path, make_dicom):
    """Six patients who say more or less of themselves."""
    for patient, sex in (("A", "F"), ("B", "M"), ("C", None), ("D", "DOE QUINTESSA"), ("E", "O"), ("F", "M")):
        make_dicom(tmp_path / "s" / f"{patient}.dcm", PIXELS, PatientID=patient, PatientSex=sex)
    return tmp_path / "s"


def test_each_attribute_is_read_by_itself_and_what_is_unknown_is_its_null(mixed):
    (mixed / "labels.csv").write_text("patient_id,label\nA,0\nB,1\nC,1\nD,7\n")
    result = read_cohort(mixed, form=FORM)
    assert rows(result) == {"A": [[0, 3]], "B": [[1, 4]], "C": [[1, 5]], "D": [[2, 5]], "E": [[2, 5]], "F": [[2, 4]]}
    assert result.cohort[PatientKey("A")].classes.dtype == np.int64
    assert result.unlabelled == 2  # D and E, of whom neither is known
    assert not [line for line in result.notices if "label of the recipe" in line]


def test_a_header_is_read_for_declared_attributes_only_and_for_codes_only(mixed):
    index = index_scans(mixed, codes=("PatientSex",))
    assert [dict(scan.codes) for scan in index.scans] == [
        {"PatientSex": "F"},
        {"PatientSex": "M"},
        {},
        {},
        {"PatientSex": "O"},
        {"PatientSex": "M"},
    ]
    assert all(scan.codes == () for scan in index_scans(mixed).scans)
    form = ScanForm(modalities=("CR",), size=16, attributes=(FINDING, Attribute("sex", SEX.values)))
    (mixed / "labels.csv").write_text("patient_id,label,sex\nA,0,M\n")
    assert rows(read_cohort(mixed, form=form))["B"] == [[2, 5]]


def test_the_label_file_goes_before_the_header_and_an_empty_cell_says_nothing(mixed):
    (mixed / "labels.csv").write_text("patient_id,path,LABEL,Sex\nA,,0,M\nB,,1,\nC,,,F\n,A.dcm,1,\nE,,,unknown\n")
    found = rows(read_cohort(mixed, form=FORM))
    assert found["A"] == [[1, 4]]  # the row of the scan says the finding, that of the patient the sex
    assert (found["B"], found["C"], found["E"]) == ([[1, 4]], [[2, 3]], [[2, 5]])


def test_one_attribute_has_one_row_a_scan_as_classes_have(mixed):
    result = read_cohort(mixed, form=ScanForm(modalities=("CR",), size=16, attributes=(SEX,)))
    assert {patient: each[0] for patient, each in rows(result).items()} == dict(
        zip("ABCDEF", (0, 1, 2, 2, 2, 1), strict=True)
    )
    assert result.unlabelled == 3


def test_who_is_absent_changes_nobody_elses_rows(mixed):
    (mixed / "labels.csv").write_text("patient_id,label\nA,0\nB,1\nC,1\nD,7\n")
    whole = rows(read_cohort(mixed, form=FORM))
    (mixed / "A.dcm").unlink()
    assert rows(read_cohort(mixed, form=FORM)) == {p: each for p, each in whole.items() if p != "A"}


def test_an_archive_carries_one_attribute(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8), label=[0, 1, 1], patient_id=["A", "A", "B"])
    form = ScanForm(modalities=("CR",), size=8, attributes=(FINDING, VIEW), max_skipped_share=0.5)
    result = read_cohort(tmp_path / "a.npz", form=form)
    assert rows(result) == {"A": [[0, 5], [1, 5]], "B": [[1, 5]]}
    (notice,) = (line for line in result.notices if "label of the recipe" in line)
    assert "`view`" in notice


@pytest.mark.parametrize("text", ["patient_id,label\nA,0\n", "patient_id,finding,view\nA,0,pa\n"])
def test_a_column_that_the_recipe_names_must_be_there(mixed, text):
    (mixed / "labels.csv").write_text(text)
    form = ScanForm(modalities=("CR",), size=16, attributes=(FINDING, SEX, VIEW))
    with pytest.raises(InputUnusable) as refused:
        read_cohort(mixed, form=form)
    assert ("`view`" in refused.value.do) == ("view" not in text)
    assert ("`label`" in refused.value.do) == ("label" not in text)


def test_two_labels_for_one_are_refused_in_the_columns_that_are_read_only(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("patient_id,label,sex,ward\nA,0,F,1\nA,0,M,2\n")
    table = LabelTable.read(path)
    Labelling.of((FINDING,), table)
    with pytest.raises(InputUnusable, match="two labels for one") as refused:
        Labelling.of((FINDING, SEX), table)
    assert refused.value.details == ("row 3",)


def test_classes_are_given_in_one_form_only(mixed):
    with pytest.raises(ValueError, match="short form"):
        read_cohort(mixed, form=FORM, classes=FINDING.values)


@given(st.lists(st.none() | st.sampled_from(["0", "1", " 1 ", "2", "F", "M", "", "x"]), min_size=2, max_size=2))
@settings(deadline=None)
def test_any_texts_have_a_row_of_their_own_attribute(texts):
    said = {"P": texts[0]} if texts[0] is not None else {}
    codes = (("PatientSex", texts[1]),) if texts[1] is not None else ()
    scan = IndexedScan("a", "case 00001", PatientKey("P"), "CR", 1, 1, 8, codes=codes)
    a, b = Labelling.of((FINDING, SEX), LabelTable(by_patient=said)).rows(scan)
    assert a == {"0": 0, "1": 1}.get((texts[0] or "").strip(), 2)
    assert b == {"F": 3, "M": 4}.get((texts[1] or "").strip(), 5)


class Wire:
    """Ranks of two, in one process."""

    others = (1,)

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, ...]] = []

    def send(self, rank, *parts):
        self.sent.append(parts)

    def receive(self, rank):
        return self.sent.pop(0)


@pytest.mark.parametrize("shape", [(2,), (2, 3)])
def test_another_process_gets_the_same_rows(shape):
    classes = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    wire, record = Wire(), PatientRecord(np.zeros((2, 1, 4, 4), np.float32), classes)
    send_cohort(wire, Cohort({PatientKey("A"): record}))
    assert json.loads(wire.sent[1][0])[2:] == [[2, 1, 4, 4], list(shape)]
    got = receive_cohort(wire)[PatientKey("A")]
    np.testing.assert_array_equal(got.classes, classes)
    assert got.classes.shape == shape


def test_a_record_has_a_row_for_each_scan():
    pixels = np.zeros((2, 1, 4, 4), np.float32)
    for shape in ((3,), (3, 2), (2, 2, 2), ()):
        with pytest.raises(ValueError, match="one class or one row"):
            PatientRecord(pixels, np.zeros(shape, np.int64))
