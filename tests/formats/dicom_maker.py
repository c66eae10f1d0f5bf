"""DICOM files made from nothing for tests; every name, date and number in them is invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"


def make_dicom(
    path: Path, pixels: np.ndarray | None, *, bits: int = 12, syntax: str = ExplicitVRLittleEndian, **values
):
    """Writes one file and returns its path; ``values`` are DICOM keywords, None leaves one out."""
    data = Dataset()
    defaults = {
        "SOPClassUID": CR,
        "SOPInstanceUID": generate_uid(),
        "StudyDate": "19991231",
        "AccessionNumber": "ACC-778899",
        "Modality": "CR",
        "PatientName": "Fictional^Quintessa",
        "PatientID": "PAT-000001",
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
    }
    if pixels is not None:
        signed = pixels.dtype.kind == "i"
        defaults |= {
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "BitsAllocated": 8 * pixels.dtype.itemsize,
            "BitsStored": bits,
            "HighBit": bits - 1,
            "PixelRepresentation": int(signed),
        }
    for keyword, value in (defaults | values).items():
        if value is not None:
            setattr(data, keyword, value)
    if pixels is not None and "PixelData" not in values:
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        raw = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        data["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    if syntax == RLELossless:
        data.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path
