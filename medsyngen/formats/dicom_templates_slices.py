"""Templates of slices that lie in space: CT (PS3.3 A.3) and MR (PS3.3 A.4), with the Image Plane module (C.7.6.2)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage

from medsyngen.formats.dicom_template_parts import ImageFacts, SyntheticIdentity, common, grey_levels, number_text


def _slice(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int], third: str) -> Dataset:
    plane = facts.plane
    if plane is None:
        raise ValueError("a slice needs a place in space")
    ds = common(identity, facts)
    ds.ImageType = [*ds.ImageType, third]
    ds.AcquisitionNumber = "1"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = identity.frame_uid
    ds.PositionReferenceIndicator = ""
    ds.ImagePositionPatient = [number_text(mm) for mm in plane.position]
    ds.ImageOrientationPatient = [number_text(cosine) for cosine in (*plane.row, *plane.column)]
    ds.PixelSpacing = [number_text(mm) for mm in plane.spacing_mm]
    ds.SliceThickness = "" if plane.thickness_mm is None else number_text(plane.thickness_mm)
    if facts.slices_apart_mm is not None:
        ds.SpacingBetweenSlices = number_text(facts.slices_apart_mm)
    grey_levels(ds, facts, shape)
    return ds


def ct_slice(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    """Returns a CT image (PS3.3 A.3) of this shape (rows, columns), complete but for Pixel Data.

    Stored values become Hounsfield units by a slope of 1 and an intercept: both are exact, and a whole unit a level.
    """
    ds = _slice(identity, facts, shape, "AXIAL")
    ds.SOPClassUID = CTImageStorage
    ds.Modality = "CT"
    ds.KVP = ""  # type 2: there was no tube
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = str(facts.lowest), "1", "HU"
    ds.WindowCenter = number_text((facts.lowest + facts.highest + 1) / 2)  # C.11.2.1.2: lowest black, highest white
    ds.WindowWidth = str(facts.highest - facts.lowest + 1)
    return ds


def mr_slice(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    """Returns an MR image (PS3.3 A.4) of this shape (rows, columns), complete but for Pixel Data."""
    ds = _slice(identity, facts, shape, "OTHER")
    ds.SOPClassUID = MRImageStorage
    ds.Modality = "MR"
    ds.ScanningSequence = "RM"  # research mode: no sequence was played out
    ds.SequenceVariant = "NONE"
    for keyword in ("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"):
        setattr(ds, keyword, "")
    return ds
