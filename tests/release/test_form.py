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
        ("modality", "US"),
        ("body_part", "chest"),
        ("body_part", ""),
        ("body_part", "A" * 17),
        ("view_position", "UP"),
        ("pixel_spacing_mm", 0.0),
        ("pixel_spacing_mm", float("nan")),
        ("pixel_spacing_mm", float("inf")),
        ("bits", 7),
        ("bits", -1),
        ("bits", 17),
        ("series_description", "a\\b"),
        ("series_description", "x" * 55),
    ],
)
def test_bad_fields(field, value):
    with pytest.raises(UsageError) as caught:
        ReleaseForm(**{field: value})
    assert any(line.startswith(f"release.{field} ") for line in caught.value.details)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"modality": "CT", "pixel_spacing_mm": 1.0}, "window"),
        ({"modality": "CT", "window": (-1000, 400)}, "pixel_spacing_mm"),
        ({"modality": "CT", "pixel_spacing_mm": 1.0, "window": (400, -1000)}, "window"),
        ({"modality": "CT", "pixel_spacing_mm": 1.0, "window": (-1000, 4000)}, "window"),  # more than 2^12 levels
        ({"modality": "CT", "pixel_spacing_mm": 1.0, "bits": 16, "window": (-40000, 400)}, "window"),
        ({"modality": "CT", "pixel_spacing_mm": 1.0, "bits": 11, "window": (0, 1000)}, "bits"),
        ({"modality": "MR", "pixel_spacing_mm": 1.0, "bits": 8}, "bits"),
        ({"modality": "MR"}, "pixel_spacing_mm"),
        ({"modality": "MR", "pixel_spacing_mm": 1.0, "window": (0, 400)}, "window"),
        ({"modality": "DX"}, "pixel_spacing_mm"),
        ({"modality": "DX", "pixel_spacing_mm": 0.2, "body_part": "KNEE"}, "body_part"),
        ({"modality": "DX", "pixel_spacing_mm": 0.2, "view_position": "LLO"}, "view_position"),
        ({"images_per_patient": 100}, "images_per_patient"),
        ({"images_per_patient": 4, "studies_per_patient": 3}, "studies_per_patient"),
        ({"studies_per_patient": 0}, "studies_per_patient"),
        ({"slice_spacing_mm": -1.0}, "slice_spacing_mm"),
        ({"slice_thickness_mm": float("nan")}, "slice_thickness_mm"),
        ({"image_type": "SECONDARY"}, "image_type"),
        ({"bids_suffix": "bold"}, "bids_suffix"),
    ],
)
def test_fields_that_do_not_go_together(fields, wrong):
    with pytest.raises(UsageError) as caught:
        ReleaseForm(**fields)
    assert [line.split()[0] for line in caught.value.details] == [f"release.{wrong}"]


def test_fields_that_came_later_leave_a_resolved_recipe_as_it_was():
    assert list(ReleaseForm().plain()) == [
        "modality", "body_part", "view_position", "pixel_spacing_mm", "bits", "series_description"
    ]  # fmt: skip
    form = ReleaseForm("CT", pixel_spacing_mm=1.0, window=(-1000, 400), images_per_patient=2)
    assert ReleaseForm(**form.plain() | {"window": (-1000, 400)}) == form
    assert form.plain()["window"] == [-1000, 400]


def test_all_bad_fields_are_listed():
    with pytest.raises(UsageError) as caught:
        ReleaseForm(modality="X", bits=3)
    assert len(caught.value.details) == 2
