"""A form that can't be written as DICOM is refused, with every field that is wrong."""

import pytest

from medsyngen.errors import UsageError
from medsyngen.release.form import ReleaseForm


def test_defaults_are_a_chest_radiograph():
    form = ReleaseForm()
    assert (form.modality, form.body_part, form.view_position, form.bits) == ("CR", "CHEST", "PA", 12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("modality", "CT"),
        ("body_part", "chest"),
        ("body_part", ""),
        ("body_part", "A" * 17),
        ("view_position", "UP"),
        ("pixel_spacing_mm", 0.0),
        ("pixel_spacing_mm", float("nan")),
        ("pixel_spacing_mm", float("inf")),
        ("bits", 7),
        ("bits", 17),
        ("series_description", "a\\b"),
        ("series_description", "x" * 55),
    ],
)
def test_bad_fields(field, value):
    with pytest.raises(UsageError) as caught:
        ReleaseForm(**{field: value})
    assert caught.value.details[0].startswith(f"release.{field} ")


def test_all_bad_fields_are_listed():
    with pytest.raises(UsageError) as caught:
        ReleaseForm(modality="X", bits=3)
    assert len(caught.value.details) == 2
