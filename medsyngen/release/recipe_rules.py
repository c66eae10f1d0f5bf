"""What the release section of a recipe and its other sections must agree on."""

from __future__ import annotations

from collections.abc import Sequence

from medsyngen.cohort.conditions import Attribute
from medsyngen.formats.dicom_template_parts import UNPAIRED
from medsyngen.formats.dicom_templates import DX_VIEWS, RADIOGRAPHS
from medsyngen.release.form import ReleaseForm


def check_written_conditions(attributes: Sequence[Attribute], form: ReleaseForm) -> None:
    """Checks that every declared attribute can be written into the files of this form.

    Raises:
        ValueError: A DICOM attribute has no place in them, or would differ between images of one patient.
    """
    codes = {each.dicom: set(each.labels) for each in attributes if each.dicom}
    if "ViewPosition" in codes and form.modality not in RADIOGRAPHS:
        raise ValueError("a condition with `dicom: ViewPosition` needs `release.modality: CR` or DX")
    if form.modality == "DX" and not codes.get("ViewPosition", set()) <= set(DX_VIEWS):
        raise ValueError(
            f"a DX image has one of the views {', '.join(DX_VIEWS)}; take `release.modality: CR` for others"
        )
    if form.modality == "DX" and "Laterality" in codes:
        raise ValueError("a DX image here has no side: take `release.modality: CR` with `dicom: Laterality`")
    if "Laterality" in codes and form.body_part in UNPAIRED:
        raise ValueError(
            f"{form.body_part} is no paired body part, so it has no side: name another `release.body_part`, or leave "
            "`dicom: Laterality` out"
        )
    if "PatientSex" in codes and form.images_per_patient > 1:
        raise ValueError(
            "images are drawn one by one, so `dicom: PatientSex` could differ between images of one synthetic patient: "
            "set `release.images_per_patient: 1`"
        )


def check_window(scans: object, form: ReleaseForm) -> None:
    """Checks that Hounsfield units come back as they were read.

    Args:
        scans: The recipe's ``scans.window``.
        form: The recipe's ``release``.

    Raises:
        ValueError: Scans are windowed to other values than those that the files name.
    """
    if form.window is not None and isinstance(scans, tuple) and tuple(scans) != form.window:
        raise ValueError("`release.window` must say the values of `scans.window`: they are what black and white mean")


def check_spacing(scans: Sequence[float] | None, form: ReleaseForm) -> None:
    """Checks that volumes go out with the voxels that they were brought to.

    Args:
        scans: The recipe's ``scans.spacing_mm``; None of pictures.
        form: The recipe's ``release``.

    Raises:
        ValueError: The files would name other lengths.
    """
    if scans is not None and (form.slice_spacing_mm is None or tuple(scans) != form.spacing_mm):
        raise ValueError(
            "`release.pixel_spacing_mm` (to the right and to the front) and `release.slice_spacing_mm` (to the head) "
            "must say the lengths of `scans.spacing_mm`: they are the size of a voxel"
        )
