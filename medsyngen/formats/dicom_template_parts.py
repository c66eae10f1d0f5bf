"""What every synthetic DICOM object says, and the public facts that it says it of; never from a header that was read.

Sources: DICOM PS3.3 C.12.1 (SOP Common, with Synthetic Data (0008,001C)), C.7.5.2 (Contributing Equipment), PS3.16
CID 7005 (109100, DCM, "Synthesizing Equipment").

The one date is a constant (Study Date and Study Time may be empty, but then no DICOMDIR can be built of the files);
every other date or time is of type 3 and stays away, or empty. There is no claim of de-identification: a synthetic
subject never had an identity to remove.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medsyngen.formats.geometry import SliceGeometry
from medsyngen.version import __version__

IMPLEMENTATION_UID: Final = "2.25.142736041098357526309185746620381947263"
"""The product's own Implementation Class UID (0002,0012): the same in every file of every run."""
IMPLEMENTATION_NAME: Final = "MEDSYNGEN"
ISSUER: Final = "MEDSYNGEN-SYNTHETIC"
# Not "medsyngen" alone: readers that guess a vendor from the first two letters take ME for one.
MANUFACTURER: Final = "SYNTHETIC (medsyngen)"
STUDY_DESCRIPTION: Final = "SYNTHETIC images, not of a real patient"
PATIENT_COMMENTS: Final = "Synthetic: this person does not exist."
SYNTHETIC_DATE: Final = "20250101"
SYNTHETIC_TIME: Final = "000000"
CONTRIBUTION_LIMIT: Final = 1024  # characters of a value of representation ST

VIEW_ORIENTATION: Final[Mapping[str, tuple[str, str] | None]] = {
    "PA": ("L", "F"),
    "AP": ("L", "F"),
    "LL": ("P", "F"),
    "RL": ("A", "F"),
    "RLD": None,
    "LLD": None,
    "RLO": None,
    "LLO": None,
}
"""View Position (0018,5101): its terms for CR (C.8.1.1), and an upright image's Patient Orientation where known."""


CONDITION_CODES: Final[Mapping[str, frozenset[str]]] = {
    "PatientSex": frozenset(("M", "F", "O")),
    "ViewPosition": frozenset(VIEW_ORIENTATION),
    "Laterality": frozenset(("R", "L")),
}
"""Attributes that a recipe may vary from picture to picture, and their codes: Patient's Sex (0010,0040) C.7.1.1, View
Position (0018,5101) C.8.1.1, CR and DX only, and Laterality (0020,0060) C.7.3.1, of paired body parts only."""


def fresh_uid() -> str:
    """Returns ``2.25.`` and a random UUID (PS3.5 B.2), from the operating system; a function of nothing."""
    return f"2.25.{uuid.uuid4().int}"


UNPAIRED: Final = frozenset(
    [
        *("ABDOMEN", "ABDOMENPELVIS", "AORTA", "BACK", "BLADDER", "BRAIN", "CEREBELLUM", "CERVIX"),
        *("CHEST", "CHESTABDOMEN", "CHESTABDPELVIS", "COCCYX", "COLON", "CSPINE", "CTSPINE", "ESOPHAGUS"),
        *("FACE", "GALLBLADDER", "HEAD", "HEADNECK", "HEART", "ILIUM", "JAW", "LARYNX"),
        *("LIVER", "LSPINE", "LSSPINE", "MAXILLA", "MEDIASTINUM", "MOUTH", "NECK", "NECKCHEST"),
        *("NOSE", "PANCREAS", "PELVIS", "PENIS", "PHARYNX", "PROSTATE", "RECTUM", "SCALP"),
        *("SKULL", "SPINE", "SPLEEN", "SSPINE", "STERNUM", "STOMACH", "THYMUS", "THYROID"),
        *("TLSPINE", "TONGUE", "TRACHEA", "TSPINE", "URETER", "URETHRA", "UTERUS", "VAGINA"),
        *("VULVA", "WHOLEBODY"),
    ]
)
"""Body parts that come once: Laterality (0020,0060) may not be said of them, and must be there, if empty, of any other.

Type 2C of PS3.3 C.7.3.1; which parts are paired as dciodvfy has it from PS3.16 Annex L."""


@dataclass(frozen=True)
class SyntheticIdentity:
    """Who and what a synthetic object says it is. Every part is fresh; nothing is a function of a source value.

    Args:
        patient_id: Patient ID (0010,0020); starts with ``SYN-``.
        patient_name: Patient's Name (0010,0010).
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        instance_uid: SOP Instance UID.
        frame_uid: Frame of Reference UID, of slices: one for a series.
        study: Number of the study among the patient's, from 1: Study ID.
        series: Number of the series in the study, from 1.
        instance: Number of the object in the series, from 1.
    """

    patient_id: str
    patient_name: str
    study_uid: str
    series_uid: str
    instance_uid: str
    frame_uid: str
    study: int = 1
    series: int = 1
    instance: int = 1

    @classmethod
    def fresh(cls, patient_id: str, *, study_uid: str = "", study: int = 1, series: int = 1) -> SyntheticIdentity:
        """Returns the first object of a new series, in a study that is new unless its UID is given."""
        name, uid = f"SYNTHETIC^{patient_id}", study_uid or fresh_uid()
        return cls(patient_id, name, uid, fresh_uid(), fresh_uid(), fresh_uid(), study, series)

    def instances(self, count: int) -> Iterator[SyntheticIdentity]:
        """Yields ``count`` objects of this series, this one first."""
        yield self
        for number in range(2, count + 1):
            yield replace(self, instance_uid=fresh_uid(), instance=number)


@dataclass(frozen=True)
class ImageFacts:
    """What a template says of the image besides its pixels; public facts only.

    Args:
        body_part: Body Part Examined (0018,0015), a code string.
        view_position: View Position (0018,5101), a key of ``VIEW_ORIENTATION``; CR and DX only.
        pixel_spacing_mm: Spacing of rows and columns, or None where it has no meaning.
        bits: Bits Stored, 8 to 16.
        series_description: Words added to the Series Description (0008,103E).
        class_name: The recipe's class, or empty for the null class.
        contribution: Contribution Description (0018,A003), at most 1024 characters.
        sex: Patient's Sex (0010,0040), or empty.
        laterality: Laterality (0020,0060), or empty: then it is left out where the body part is unpaired.
        derived: Image Type (0008,0008) starts with DERIVED, else with ORIGINAL.
        lowest: What a stored 0 means, in Hounsfield units; CT only: Rescale Intercept, the slope being 1.
        highest: What the brightest pixel that is written means; CT only, for the window to view it with.
        plane: Where the slice lies; CT and MR only.
        slices_apart_mm: Distance between the centres of neighbouring slices; None of a single one.
        frames: Number of frames; multi-frame objects only.
    """

    body_part: str
    view_position: str
    pixel_spacing_mm: float | None
    bits: int
    series_description: str
    class_name: str
    contribution: str
    sex: str = ""
    laterality: str = ""
    derived: bool = True
    lowest: int = 0
    highest: int = 0
    plane: SliceGeometry | None = None
    slices_apart_mm: float | None = None
    frames: int = 1

    def __post_init__(self) -> None:
        if not 8 <= self.bits <= 16:
            raise ValueError(f"bits must be 8 to 16, got {self.bits}")
        if self.view_position not in VIEW_ORIENTATION:
            raise ValueError(f"view position must be one of {', '.join(VIEW_ORIENTATION)}")
        if self.pixel_spacing_mm is not None and not 0 < self.pixel_spacing_mm < math.inf:
            raise ValueError("pixel spacing must be a positive number of millimetres")
        for keyword, code in (("PatientSex", self.sex), ("Laterality", self.laterality)):
            if code and code not in CONDITION_CODES[keyword]:
                raise ValueError(f"{keyword} must be one of {', '.join(sorted(CONDITION_CODES[keyword]))}, or empty")
        if len(self.contribution) > CONTRIBUTION_LIMIT:
            raise ValueError(f"the contribution has more than {CONTRIBUTION_LIMIT} characters")


def _equipment(facts: ImageFacts) -> Dataset:
    purpose = Dataset()
    purpose.CodeValue = "109100"
    purpose.CodingSchemeDesignator = "DCM"
    purpose.CodeMeaning = "Synthesizing Equipment"
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = Sequence([purpose])
    item.Manufacturer = MANUFACTURER
    item.ManufacturerModelName = "medsyngen"
    item.SoftwareVersions = __version__
    item.ContributionDescription = facts.contribution
    return item


def common(identity: SyntheticIdentity, facts: ImageFacts) -> Dataset:
    """Patient, General Study, General Series, General Equipment, General Image and SOP Common modules."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SyntheticData = "YES"
    ds.SOPInstanceUID = identity.instance_uid
    ds.StudyInstanceUID = identity.study_uid
    ds.SeriesInstanceUID = identity.series_uid
    ds.PatientID = identity.patient_id
    ds.PatientName = identity.patient_name
    ds.IssuerOfPatientID = ISSUER
    ds.PatientComments = PATIENT_COMMENTS
    # Type 2: they must be there, and an empty value says that there is none.
    for keyword in ("PatientBirthDate", "AccessionNumber", "ReferringPhysicianName"):
        setattr(ds, keyword, "")
    ds.PatientSex = facts.sex
    if facts.laterality or facts.body_part not in UNPAIRED:
        ds.Laterality = facts.laterality
    ds.StudyDate = SYNTHETIC_DATE
    ds.StudyTime = SYNTHETIC_TIME
    ds.StudyID = str(identity.study)
    ds.StudyDescription = STUDY_DESCRIPTION
    ds.SeriesDescription = f"SYNTHETIC {facts.series_description}".strip()
    ds.SeriesNumber = str(identity.series)
    ds.InstanceNumber = str(identity.instance)
    ds.Manufacturer = MANUFACTURER
    ds.BodyPartExamined = facts.body_part
    ds.ImageType = ["DERIVED" if facts.derived else "ORIGINAL", "PRIMARY"]
    ds.DerivationDescription = "Drawn by a generator; no acquired image was changed to make it."
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    ds.ImageComments = f"synthetic class: {facts.class_name or 'none'}"
    ds.ContributingEquipmentSequence = Sequence([_equipment(facts)])
    return ds


def grey_levels(ds: Dataset, facts: ImageFacts, shape: tuple[int, int]) -> None:
    """The Image Pixel module without its pixels, and a window over the whole range (VOI LUT module)."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated = 8 if facts.bits == 8 else 16
    ds.BitsStored = facts.bits
    ds.HighBit = facts.bits - 1
    ds.PixelRepresentation = 0
    ds.WindowCenter = str(2 ** (facts.bits - 1))
    ds.WindowWidth = str(2**facts.bits)


def number_text(number: float) -> str:
    """Returns a number as a value of representation DS, of at most 16 characters (PS3.5 6.2)."""
    return f"{number + 0.0:.9g}"  # no minus before zero


def spacing(facts: ImageFacts) -> list[str] | None:
    """Returns the spacing of rows and of columns, or None where the recipe knows none."""
    return None if facts.pixel_spacing_mm is None else [number_text(facts.pixel_spacing_mm)] * 2
