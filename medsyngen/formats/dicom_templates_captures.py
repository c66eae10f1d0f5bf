"""Templates of secondary captures: SC (PS3.3 A.8.1), multi-frame grey-scale byte and word (A.8.3, A.8.4)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from medsyngen.formats.dicom_template_parts import ImageFacts, SyntheticIdentity, common, grey_levels, spacing

_PAGE_NUMBER_VECTOR = 0x00182001


def _capture(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    ds = common(identity, facts)
    ds.Modality = "OT"
    ds.ConversionType = "SYN"
    ds.PatientOrientation = ""
    grey_levels(ds, facts, shape)
    return ds


def secondary_capture(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    """Returns a secondary capture (PS3.3 A.8.1) of this shape (rows, columns), complete but for Pixel Data."""
    ds = _capture(identity, facts, shape)
    ds.SOPClassUID = SecondaryCaptureImageStorage
    if apart := spacing(facts):
        ds.NominalScannedPixelSpacing = apart
    return ds


def multi_frame_capture(identity: SyntheticIdentity, facts: ImageFacts, shape: tuple[int, int]) -> Dataset:
    """Returns a multi-frame capture of bytes (8 bits, PS3.3 A.8.3) or words (A.8.4), complete but for Pixel Data.

    Frames are numbered as pages (C.8.6.3): the first is 1.
    """
    ds = _capture(identity, facts, shape)
    byte = facts.bits == 8
    ds.SOPClassUID = (
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage
        if byte
        else MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    )
    if apart := spacing(facts):
        ds.PixelSpacing = apart  # Nominal Scanned Pixel Spacing is for scanned film here (C.8.6.3)
    ds.NumberOfFrames = str(facts.frames)
    if facts.frames > 1:
        ds.FrameIncrementPointer = _PAGE_NUMBER_VECTOR
        ds.PageNumberVector = [str(number) for number in range(1, facts.frames + 1)]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    return ds
