"""Templates of projection radiographs: CR (PS3.3 A.2) and DX for presentation (PS3.3 A.26)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from medsyngen.formats.dicom_template_parts import (
    VIEW_ORIENTATION,
    ImageFacts,
    SyntheticIdentity,
    common,
    grey_levels,
    spacing,
)

Code = tuple[str, str]

DX_BODY_PARTS: Final[Mapping[str, Code]] = {
    "ABDOMEN": ("818981001", "Abdomen"),
    "CHEST": ("816094009", "Chest"),
    "CSPINE": ("122494005", "Cervical spine"),
    "HEAD": ("69536005", "Head"),
    "LSPINE": ("122496007", "Lumbar spine"),
    "PELVIS": ("816092008", "Pelvis"),
    "SKULL": ("89546000", "Skull"),
    "SPINE": ("421060004", "Spine"),
    "TSPINE": ("122495006", "Thoracic spine"),
}
"""Body parts of DX images with their SNOMED CT code and meaning (PS3.16 CID 4009): none of a pair, because Image
Laterality (0020,0062) can't be unknown."""
DX_VIEWS: Final[Mapping[str, Code]] = {
    "PA": ("272479007", "postero-anterior"),
    "AP": ("399348003", "antero-posterior"),
    "LL": ("399173006", "left lateral"),
    "RL": ("399198007", "right lateral"),
}
"""View positions of DX images with their SNOMED CT code and meaning (PS3.16 CID 4010)."""


def _radiograph(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    ds = common(identity, facts)
    ds.ViewPosition = facts.view_position
    orientation = VIEW_ORIENTATION[facts.view_position]
    ds.PatientOrientation = list(orientation) if orientation else ""
    if apart := spacing(facts):
        ds.ImagerPixelSpacing = apart
    grey_levels(ds, facts, shape)
    return ds


def computed_radiography(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    """Returns a CR image (PS3.3 A.2) of this shape (rows, columns), complete but for Pixel Data."""
    ds = _radiograph(identity, facts, shape)
    ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.Modality = "CR"
    return ds


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = code
    item.CodingSchemeDesignator = "SCT"
    return item


def digital_radiography(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    """Returns a DX image for presentation (PS3.3 A.26) of this shape (rows, columns), complete but for Pixel Data.

    Raises:
        ValueError: Body part or view position has no code here, a side is named, or the pixel spacing is unknown:
            Imager Pixel Spacing is of type 1 (C.8.11.4).
    """
    if facts.body_part not in DX_BODY_PARTS or facts.view_position not in DX_VIEWS:
        raise ValueError("a DX image needs a body part and a view position with a code")
    if facts.pixel_spacing_mm is None or facts.laterality:
        raise ValueError("a DX image needs a pixel spacing, and its body part has no side")
    ds = _radiograph(identity, facts, shape)
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.Modality = "DX"
    ds.ImageType = [*ds.ImageType, ""]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = Sequence([_coded(DX_BODY_PARTS[facts.body_part])])
    view = _coded(DX_VIEWS[facts.view_position])
    view.ViewModifierCodeSequence = Sequence([])
    ds.ViewCodeSequence = Sequence([view])
    # Type 2: they must be there, and an empty value says that nothing was positioned and nothing detected.
    ds.PositionerType = ""
    ds.DetectorType = ""
    ds.AcquisitionContextSequence = Sequence([])
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    return ds
