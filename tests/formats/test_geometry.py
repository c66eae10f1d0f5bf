"""The plane of a slice, as its header says it."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from medsyngen.formats.geometry import plane_of


def header(**other: object) -> Dataset:
    ds = Dataset()
    ds.ImagePositionPatient = [-100.0, 20.5, 7]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 0.6, 0.8]
    ds.PixelSpacing = [0.5, 0.75]
    ds.SliceThickness = "2.5"
    ds.FrameOfReferenceUID = "1.2.3"
    for name, value in other.items():
        setattr(ds, name, value)
    return ds


def test_a_plane_is_read() -> None:
    plane = plane_of(header())
    assert plane is not None
    assert (plane.position, plane.row, plane.column) == ((-100.0, 20.5, 7.0), (1.0, 0.0, 0.0), (0.0, 0.6, 0.8))
    assert (plane.spacing_mm, plane.thickness_mm) == ((0.5, 0.75), 2.5)
    assert "1.2.3" not in repr(plane)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        ("ImageOrientationPatient", [2, 0, 0, 0, 1, 0]),
        ("ImageOrientationPatient", [1, 0, 0]),
        ("ImagePositionPatient", None),
        ("PixelSpacing", [0, 1]),
    ],
)
def test_an_unusable_plane_is_none(name: str, value: object) -> None:
    assert plane_of(header(**{name: value})) is None


def test_thickness_may_be_absent() -> None:
    plane = plane_of(header(SliceThickness=None))
    assert plane is not None
    assert plane.thickness_mm is None
