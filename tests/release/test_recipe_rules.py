"""What the release section and the other sections of a recipe must agree on."""

import pytest

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.release.form import ReleaseForm
from medsyngen.release.recipe_rules import check_window, check_written_conditions

DX = {"modality": "DX", "pixel_spacing_mm": 0.2}
CT = {"modality": "CT", "pixel_spacing_mm": 1.0, "window": (-1000, 400)}


def one(dicom, *codes):
    return (Attribute("a", tuple(ClassDefinition(c, c, 1 / len(codes)) for c in codes), dicom=dicom),)


@pytest.mark.parametrize(
    ("attributes", "form", "words"),
    [
        (one("ViewPosition", "PA", "LL"), {}, ""),
        (one("ViewPosition", "PA", "LL"), DX, ""),
        (one("ViewPosition", "PA", "LLO"), DX, "one of the views"),
        (one("ViewPosition", "PA", "LL"), {"modality": "SC"}, "needs"),
        (one("ViewPosition", "PA", "LL"), CT, "needs"),
        (one("Laterality", "L", "R"), {"body_part": "KNEE"}, ""),
        (one("Laterality", "L", "R"), {}, "no paired body part"),
        (one("Laterality", "L", "R"), DX, "no side"),
        (one("PatientSex", "F", "M"), {}, ""),
        (one("PatientSex", "F", "M"), {"images_per_patient": 2}, "images_per_patient: 1"),
        (one(None, "F", "M"), {"images_per_patient": 2}, ""),
    ],
)
def test_conditions_must_have_a_place_in_the_files(attributes, form, words):
    if not words:
        check_written_conditions(attributes, ReleaseForm(**form))
        return
    with pytest.raises(ValueError, match=words):
        check_written_conditions(attributes, ReleaseForm(**form))


@pytest.mark.parametrize(("scans", "fits"), [((-1000.0, 400.0), True), ("per-scan", True), ((-1000.0, 300.0), False)])
def test_hounsfield_units_are_those_that_were_read(scans, fits):
    if fits:
        check_window(scans, ReleaseForm(**CT))
    else:
        with pytest.raises(ValueError, match="window"):
            check_window(scans, ReleaseForm(**CT))
    check_window(scans, ReleaseForm())
