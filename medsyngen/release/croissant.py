"""croissant.json: what the table of a cohort means, in words that machines read (ML Commons Croissant 1.0 and RAI).

Written by hand: the library that reads it is heavy, and stays with the receiver. No time, no licence (that is for the
hospital to give), no count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from medsyngen.release import names
from medsyngen.release.bids import json_bytes

_TERMS: Final = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
}
MEDIA: Final = {
    "dicom": ("application/dicom", ("dicom/*.dcm", "dicom/*/*.dcm")),
    "nifti": ("application/gzip", ("nifti/*.nii.gz",)),
    "bids": ("application/gzip", ("bids/*/anat/*.nii.gz", "bids/*/*/anat/*.nii.gz")),
    "png": ("image/png", ("png/*.png",)),
    "npz": ("application/zip", ("npz/*.npz",)),
    names.LABELS: ("application/gzip", ("labels/*.nii.gz",)),
}
"""Media type of a format, and the paths of its files."""
_SAID: Final = {names.LABELS: "The label map of the image"}
RESPONSIBLE: Final = {
    "rai:dataCollection": "No image was collected: all were drawn by a generator. README.md says what taught it.",
    "rai:dataCollectionType": "Synthetic",
    "rai:dataLimitations": "Not for diagnosis. Nothing that the generator did not learn is in it, and rare findings "
    "may be missing or wrong.",
    "rai:dataBiases": "Classes and attributes are drawn in declared shares, not in those of any population.",
    "rai:dataUseCases": "Research, teaching and software tests.",
    "rai:personalSensitiveInformation": "No image shows a person. What one patient's record can have changed is "
    "bounded: privacy_report.json.",
    "rai:hasSyntheticData": True,
}


def croissant_bytes(formats: Sequence[str], attributes: Sequence[str], *, guarantee: str, table: bytes) -> bytes:
    """Returns the bytes of croissant.json.

    Args:
        formats: As written; ``labels`` among them if there are label maps.
        attributes: The columns of the table that say what an image is of.
        guarantee: The privacy sentence.
        table: The bytes of cohort.csv, whose hash is told.
    """
    described = {name: f"{_SAID.get(name, f'The image as {name}')}: a path in the cohort" for name in formats}
    described["synthetic_patient_id"] = "The synthetic patient; there is no such person"
    described |= {name: "What was asked for; empty: nothing" for name in attributes}
    return json_bytes(
        {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "name": "synthetic-cohort",
            "description": f"Synthetic medical images, made with medsyngen. {guarantee}".strip(),
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "version": "1.0.0",
            "isLiveDataset": False,
            "keywords": ["synthetic", "medical images", "differential privacy"],
            **RESPONSIBLE,
            "distribution": [_table(table), *(_files(name) for name in formats)],
            "recordSet": [
                {
                    "@type": "cr:RecordSet",
                    "@id": "images",
                    "name": "images",
                    "description": "One row an image",
                    "field": [_field(name, told) for name, told in described.items()],
                }
            ],
        }
    )


def _table(table: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": names.TABLE,
        "name": names.TABLE,
        "description": "One row an image",
        "contentUrl": names.TABLE,
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(table).hexdigest(),
    }


def _files(image_format: str) -> dict[str, Any]:
    media, paths = MEDIA[image_format]
    return {
        "@type": "cr:FileSet",
        "@id": image_format,
        "name": image_format,
        "description": "The label maps of the images" if image_format in _SAID else f"The images as {image_format}",
        "encodingFormat": media,
        "includes": list(paths),
    }


def _field(name: str, told: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "description": told,
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": names.TABLE}, "extract": {"column": name}},
    }
