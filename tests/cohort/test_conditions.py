"""Declared attributes: what a recipe may say of them, and where their rows lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.conditions import Attribute, check_conditions, first_rows, short_form
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.formats.dicom_templates import CONDITION_CODES

FEMALE, MALE = ClassDefinition("female", "F", 0.5), ClassDefinition("male", " M ", 0.5)
SEX = Attribute("sex", (FEMALE, MALE), dicom="PatientSex")


def values(count: int) -> tuple[ClassDefinition, ...]:
    return tuple(ClassDefinition(f"v{i}", str(i), 1 / count) for i in range(count))


def test_an_attribute_says_where_it_is_read_and_what_is_written():
    assert (SEX.source, SEX.labels) == ("sex", ("F", "M"))
    assert [SEX.code(name) for name in ("female", "male", "")] == ["F", "M", ""]
    other = Attribute("age_band", values(3), column=" Band ")
    assert other.source == "band"
    assert other.code("v0") == ""  # nothing is written where nothing was declared


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"name": "Sex"}, "can't be called"),
        ({"name": "png"}, "can't be called"),
        ({"name": "synthetic_patient_id"}, "can't be called"),
        ({"name": "labels"}, "can't be called"),
        ({"name": "a" * 33}, "can't be called"),
        ({"name": 'a,"b'}, "can't be called"),
        ({"values": (FEMALE, ClassDefinition("female", "M", 0.5))}, "names of its values must differ"),
        ({"values": (FEMALE, ClassDefinition("male", " F", 0.5))}, "labels of its values must differ"),
        ({"values": (FEMALE, ClassDefinition("male", "M", 0.4))}, "add up to 1"),
        ({"dicom": "PatientName"}, "dicom must be one of"),
        ({"dicom": "PatientID"}, "dicom must be one of"),
        ({"dicom": "ViewPosition"}, "codes of ViewPosition"),
        ({"values": (FEMALE, ClassDefinition("male", "1", 0.5))}, "codes of PatientSex: F, M, O"),
    ],
)
def test_what_can_not_be_declared(changes, match):
    with pytest.raises(ValueError, match=match):
        Attribute(**({"name": "sex", "values": (FEMALE, MALE), "dicom": "PatientSex"} | changes))


def test_identifying_attributes_are_no_conditions():
    assert set(CONDITION_CODES) == {"PatientSex", "ViewPosition", "Laterality"}
    assert all(0 < len(code) <= 3 and code.isupper() for codes in CONDITION_CODES.values() for code in codes)


def test_attributes_must_fit_together():
    finding = Attribute("finding", values(2), column="label")
    check_conditions(())
    check_conditions((SEX, finding))
    again = Attribute("gender", (FEMALE, MALE), dicom="PatientSex")
    for wrong, match in (
        ((SEX, SEX), "differ"),
        ((SEX, again), "differ"),
        ((SEX, Attribute("view", ())), "no values"),
        (tuple(Attribute(f"a{i}", values(1)) for i in range(7)), "6 attributes"),
        (tuple(Attribute(f"a{i}", values(11)) for i in range(3)), "1024 combinations"),
    ):
        with pytest.raises(ValueError, match=match):
            check_conditions(wrong)


def test_classes_are_one_attribute():
    (one,) = short_form((FEMALE, MALE))
    assert (one.name, one.source, one.dicom, one.values) == ("class", "label", None, (FEMALE, MALE))
    assert short_form(()) == (Attribute("class", (), column="label"),)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_every_value_and_every_null_has_a_row_of_its_own(counts):
    rows = [first + k for first, count in zip(first_rows(counts), counts, strict=True) for k in range(count + 1)]
    assert rows == list(range(sum(counts) + len(counts)))
