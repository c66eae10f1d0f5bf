"""Check: croissant.json has no other keys than it may, no text that is not public, and the hash of the very table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

from medsyngen.release import names
from medsyngen.release.checks import Problem
from medsyngen.release.draft import Draft, column_names
from medsyngen.release.json_bytes import strict_json

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_TERM: Final = re.compile(r"(?:cr|dct):[a-zA-Z0-9]{1,24}")
_CONTEXT_TEXTS: Final = frozenset(
    (
        "en",
        "@json",
        "@vocab",
        "https://schema.org/",
        "http://mlcommons.org/croissant/",
        "http://mlcommons.org/croissant/RAI/",
        "http://purl.org/dc/terms/",
    )
)
_KEYS: Final = {
    "": (
        "@context", "@type", "name", "description", "conformsTo", "version", "isLiveDataset", "keywords",
        "distribution", "recordSet", "rai:dataCollection", "rai:dataCollectionType", "rai:dataLimitations",
        "rai:dataBiases", "rai:dataUseCases", "rai:personalSensitiveInformation", "rai:hasSyntheticData",
    ),
    "distribution": (
        "@type", "@id", "name", "description", "contentUrl", "encodingFormat", "sha256", "includes",
    ),
    "recordSet": ("@type", "@id", "name", "description", "field"),
    "field": ("@type", "@id", "name", "description", "dataType", "source"),
    "source": ("fileObject", "extract"),
    "fileObject": ("@id",),
    "extract": ("column",),
}  # fmt: skip
_TEXTS: Final = frozenset(
    (
        "sc:Dataset", "cr:FileObject", "cr:FileSet", "cr:RecordSet", "cr:Field", "sc:Text", "synthetic-cohort",
        "images",
        "http://mlcommons.org/croissant/1.0", "1.0.0", "synthetic", "medical images", "differential privacy",
        "cohort.csv", "text/csv", "One row an image", "application/dicom", "application/gzip", "application/zip",
        "image/png", "Synthetic",
        "No image was collected: all were drawn by a generator. README.md says what taught it.",
        "Not for diagnosis. Nothing that the generator did not learn is in it, and rare findings "
        "may be missing or wrong.",
        "Classes and attributes are drawn in declared shares, not in those of any population.",
        "Research, teaching and software tests.",
        "No image shows a person. What one patient's record can have changed is bounded: privacy_report.json.",
        "The synthetic patient; there is no such person", "What was asked for; empty: nothing",
        "synthetic_patient_id", "images/synthetic_patient_id",
    )
)  # fmt: skip
_PATHS: Final = {
    "dicom": ("dicom/*.dcm", "dicom/*/*.dcm"),
    "nifti": ("nifti/*.nii.gz",),
    "bids": ("bids/*/anat/*.nii.gz", "bids/*/*/anat/*.nii.gz"),
    "png": ("png/*.png",),
    "npz": ("npz/*.npz",),
    "labels": ("labels/*.nii.gz",),
}
_OF_MAPS: Final = ("The label map of the image: a path in the cohort", "The label maps of the images")


class CroissantCheck:
    """Reads croissant.json.

    Args:
        draft: What the writer says that it wrote: formats, attributes, privacy sentence; not the files.
    """

    name = "croissant"
    read = "croissant.json, key by key"
    rules: tuple[str, ...] = ("G2", "G7", "G11", "G12")

    def __init__(self, draft: Draft) -> None:
        columns = [*draft.columns, *column_names(draft.attributes)]
        self._texts = {
            *_TEXTS,
            *columns,
            *(f"images/{column}" for column in columns),
            *(path for name in draft.columns for path in _PATHS[name]),
            *(f"The image as {name}: a path in the cohort" for name in draft.formats),
            *_OF_MAPS,
            *(f"The images as {name}" for name in draft.formats),
            f"Synthetic medical images, made with medsyngen. {draft.guarantee}".strip(),
        }
        self._table = ""
        self._seen = False

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads croissant.json, and the table before it; leaves all other files."""
        if file == names.TABLE:
            self._table = hashlib.sha256(data).hexdigest()
        if file == names.CROISSANT:
            self._seen = True
            for reason in dict.fromkeys(self._problems(strict_json(data))):
                yield Problem(f"{names.CROISSANT} {reason}", _DO)

    def _problems(self, content: dict[str, Any]) -> Iterator[str]:
        yield from self._context(content.get("@context"))
        yield from self._walk({key: value for key, value in content.items() if key != "@context"}, "")
        if not {"name", "distribution", "rai:hasSyntheticData"} <= content.keys():
            yield "lacks its mark, its name or its files"

    def _context(self, context: Any) -> Iterator[str]:
        values = [v for value in context.values() for v in (value.values() if isinstance(value, dict) else (value,))]
        keys = [key for value in (context, *context.values()) if isinstance(value, dict) for key in value]
        if not all(value in _CONTEXT_TEXTS or _TERM.fullmatch(value) for value in values):
            yield "has a context that says something else"
        if not all(key in ("@language", "@vocab", "@id", "@type") or key.isalnum() for key in keys) or any(
            len(key) > 24 for key in keys
        ):
            yield "has a context with another word"

    def _walk(self, value: Any, where: str) -> Iterator[str]:
        """``where`` is the key that the value, or the list that it is in, stands under."""
        if isinstance(value, list):
            for inner in value:
                yield from self._walk(inner, where)
        elif isinstance(value, dict):
            if not value.keys() <= set(_KEYS.get(where, ())):
                yield "holds a key that it may not"
            for key, inner in value.items():
                yield from self._walk(inner, key)
        elif not self._plain(value, where):
            yield "holds a text that is not one of its own, or names another table than the one that is there"

    def _plain(self, value: Any, where: str) -> bool:
        if where == "sha256":
            return bool(value == self._table)
        if isinstance(value, str):
            return value in self._texts
        return (where == "rai:hasSyntheticData" and value is True) or (where == "isLiveDataset" and value is False)

    def finish(self) -> Iterator[Problem]:
        """Refuses if there was none."""
        if not self._seen:
            yield Problem(f"there is no {names.CROISSANT}", _DO)
