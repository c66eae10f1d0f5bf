"""One synthetic object of every kind, as the templates make them, and what an independent validator says of a file."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from medsyngen.formats.dicom_templates import ImageFacts, SyntheticIdentity
from medsyngen.formats.dicom_write import write_dicom, write_series

DCIODVFY = Path(sys.executable).with_name("dciodvfy")
PICTURE = np.linspace(-1, 1, 7 * 9, dtype=np.float32).reshape(7, 9)  # odd, so that 8 bits need a pad byte
VOLUME = np.random.default_rng(3).uniform(-1, 1, (9, 7, 4)).astype(np.float32)
FACTS = {
    "body_part": "CHEST",
    "view_position": "PA",
    "pixel_spacing_mm": 0.143,
    "bits": 12,
    "series_description": "",
    "class_name": "normal",
    "contribution": "ε = 8",
}
KINDS = {
    "CR": {"modality": "CR"},
    "DX": {"modality": "DX"},
    "CT": {"modality": "CT", "lowest": -1000, "highest": 400},
    "MR": {"modality": "MR", "body_part": "BRAIN"},
    "SC": {"modality": "SC"},
    "MFSC word": {"modality": "MFSC", "pixels": VOLUME},
    "MFSC byte": {"modality": "MFSC", "pixels": VOLUME, "bits": 8},
    "MFSC one frame": {"modality": "MFSC"},
}
_PLANE = """ImageType SliceThickness PatientPosition ImagePositionPatient ImageOrientationPatient FrameOfReferenceUID
PositionReferenceIndicator PixelSpacing Modality Manufacturer """
_RESCALED = "RescaleIntercept RescaleSlope RescaleType PresentationLUTShape"
REQUIRED = {
    "SC": """SpecificCharacterSet SOPClassUID SOPInstanceUID StudyDate StudyTime AccessionNumber ReferringPhysicianName
    PatientName PatientID PatientBirthDate PatientSex BodyPartExamined StudyInstanceUID SeriesInstanceUID StudyID
    SeriesNumber InstanceNumber SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit
    PixelRepresentation WindowCenter WindowWidth PixelData ConversionType PatientOrientation""",
    "CR": "Modality Manufacturer ViewPosition PatientOrientation",
    "DX": f"""ImageType Modality PresentationIntentType Manufacturer AnatomicRegionSequence ImagerPixelSpacing
    PositionerType DetectorType PatientOrientation ImageLaterality BurnedInAnnotation PixelIntensityRelationship
    PixelIntensityRelationshipSign LossyImageCompression AcquisitionContextSequence {_RESCALED}""",
    "CT": f"{_PLANE} KVP AcquisitionNumber RescaleIntercept RescaleSlope",
    "MR": f"""{_PLANE} ScanningSequence SequenceVariant ScanOptions MRAcquisitionType RepetitionTime EchoTime
    EchoTrainLength""",
    "MFSC word": f"PageNumberVector NumberOfFrames FrameIncrementPointer BurnedInAnnotation {_RESCALED}",
}
"""What each kind must have, by ablation; what all share is tried on one kind."""


def write(path, modality="CR", pixels=PICTURE, thickness_mm=None, **changes):
    """Writes one object with these facts in place of the usual ones."""
    identity = SyntheticIdentity.fresh("SYN-000001")
    facts = ImageFacts(**(FACTS | changes))
    write_dicom(path, pixels, identity=identity, facts=facts, modality=modality, thickness_mm=thickness_mm)
    return path


def series(folder, modality, pixels=VOLUME, spacing_mm=(0.7, 0.7, 2.5), **changes):
    """Writes a volume as a series of slices and returns their paths in order."""
    said = {k: v for k, v in KINDS[modality].items() if k != "modality"}
    facts = ImageFacts(**(FACTS | said | {"pixel_spacing_mm": spacing_mm[0]} | changes))
    names = (f"{number:04d}.dcm" for number in range(1, pixels.shape[2] + 1))
    identity = SyntheticIdentity.fresh("SYN-000001")
    write_series(folder, names, pixels, identity=identity, facts=facts, modality=modality, spacing_mm=spacing_mm)
    return sorted(folder.glob("*.dcm"))


def complaints(path):
    """The exit code of the validator, and its errors and warnings."""
    done = subprocess.run([DCIODVFY, "-new", path], capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Warning"))]
    return done.returncode, lines
