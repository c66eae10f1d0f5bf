"""The files of the simulated hospital: computed radiography (DICOM PS3.3 A.2), 12 bit in 16.

Every header value is invented, and worded so that a search for it in any other file finds a leak and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels
from medsyngen.simulation.encoding import Value, dicom_file, encode_all

BITS = 12
MONOCHROME1_SHARE = 0.1
_WHITE = (1 << BITS) - 1
_FIELD_OF_VIEW_MM = 352.0
_FIRST_BIRTHDAY = date(1931, 3, 14)
_FIRST_STUDY = date(2003, 2, 17)
_DOCTORS = ("SIMULATED^Referrer Oakhollow", "SIMULATED^Referrer Fennimore", "SIMULATED^Referrer Quillfeather")
_COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
_META: dict[str, Value] = {
    "FileMetaInformationVersion": b"\x00\x01",
    "MediaStorageSOPClassUID": _COMPUTED_RADIOGRAPHY,
    "TransferSyntaxUID": "1.2.840.10008.1.2.1",
    "ImplementationClassUID": "2.25.311563905846232719436471850221095811721",
}


class RadiographWriter:
    """Writes the radiographs of one patient after the other.

    Args:
        seed: Seed of the hospital: two hospitals share no UID.
        size: Side of the square pictures in pixels.
    """

    def __init__(self, seed: int, size: int) -> None:
        self._seed = seed
        self._meta = encode_all(_META)
        self._constant = encode_all(_constant_attributes(size))

    def write_patient(self, number: int, pictures: Pixels, paths: Sequence[Path], rng: np.random.Generator) -> None:
        """Writes one study with one series of all pictures.

        Args:
            number: The patient's number in this hospital, from 1.
            pictures: float32 in [-1, 1], shape (scans, size, size).
            paths: One file a picture; their folder exists.
            rng: Public randomness, for dates, doctors and which pictures are stored as MONOCHROME1.
        """
        study = self._constant | encode_all(self._study_attributes(number, rng))
        inverted = rng.random(len(pictures)) < MONOCHROME1_SHARE
        for scan, (picture, path) in enumerate(zip(pictures, paths, strict=True), start=1):
            uid = self._uid("image", number, scan)
            stored = to_stored(picture)
            image = encode_all(
                {
                    "SOPInstanceUID": uid,
                    "InstanceNumber": str(scan),
                    "PhotometricInterpretation": "MONOCHROME1" if inverted[scan - 1] else "MONOCHROME2",
                    "PixelData": (_WHITE - stored if inverted[scan - 1] else stored).tobytes(),
                }
            )
            meta = self._meta | encode_all({"MediaStorageSOPInstanceUID": uid})
            path.write_bytes(dicom_file(meta, study | image))

    def _study_attributes(self, number: int, rng: np.random.Generator) -> dict[str, Value]:
        born = _FIRST_BIRTHDAY + timedelta(days=int(rng.integers(0, 25000)))
        day = _FIRST_STUDY + timedelta(days=int(rng.integers(0, 3000)))
        hour, minute, second = int(rng.integers(7, 19)), int(rng.integers(60)), int(rng.integers(60))
        return {
            "PatientName": f"SIMULATED^Patient {number:05d}",
            "PatientID": f"SIM-{number:05d}",
            "PatientBirthDate": f"{born:%Y%m%d}",
            "PatientSex": "FM"[int(rng.integers(2))],
            "AccessionNumber": f"SIMACC{number:06d}",
            "StudyID": f"SIMST{number:05d}",
            "ReferringPhysicianName": _DOCTORS[int(rng.integers(len(_DOCTORS)))],
            "StudyDate": f"{day:%Y%m%d}",
            "ContentDate": f"{day:%Y%m%d}",
            "StudyTime": f"{hour:02d}{minute:02d}{second:02d}",
            "ContentTime": f"{hour:02d}{minute:02d}{second:02d}",
            "StudyInstanceUID": self._uid("study", number),
            "SeriesInstanceUID": self._uid("series", number),
        }

    def _uid(self, *what: object) -> str:
        digest = hashlib.sha256(f"medsyngen simulated hospital {self._seed} {what}".encode()).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"  # UUID-derived root, PS3.5 B.2


def to_stored(picture: Pixels) -> NDArray[np.uint16]:
    """Returns tones in [-1, 1] as 12-bit stored values, 0 for -1 and 4095 for 1, little endian."""
    return np.rint((picture.astype(np.float64) + 1.0) * 0.5 * _WHITE).astype("<u2")


def _constant_attributes(size: int) -> dict[str, Value]:
    """Everything that is the same in every file of the hospital."""
    spacing = f"{_FIELD_OF_VIEW_MM / size:.6g}"
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": "ORIGINAL\\PRIMARY",
        "SOPClassUID": _COMPUTED_RADIOGRAPHY,
        "Modality": "CR",
        "Manufacturer": "Simulated Apparatus",
        "InstitutionName": "Simulated Hospital of Nowhere",
        "StationName": "SIMROOM",
        "StudyDescription": "SIMULATED chest radiographs",
        "SeriesNumber": "1",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": "L\\F",
        "ImagerPixelSpacing": f"{spacing}\\{spacing}",
        "ImageComments": "SIMULATED: invented by a program, nobody real",
        "SamplesPerPixel": 1,
        "Rows": size,
        "Columns": size,
        "BitsAllocated": 16,
        "BitsStored": BITS,
        "HighBit": BITS - 1,
        "PixelRepresentation": 0,
    }
