"""Texts of the source files that must never leave: what the release gate searches for in every written byte.

They stay inside, in a file that only its owner can read. Whoever searches must know that a number of few digits also
turns up by chance: digits-only identifiers should be matched as whole runs of digits, not inside the longer number of a
fresh UID or a hash.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

MIN_LENGTH = 6
"""Shorter texts turn up by chance in any file."""
_NUMBER_LIKE = re.compile(r"[0-9a-f]+(\.[0-9a-f]*)?")
"""As for the gate (``medsyngen/release/identifier_scan.py``): it counts such a text as a whole token alone."""
_PLAIN = frozenset(
    [
        *("abnormal", "anonymised", "anonymized", "anonymous", "archive", "bilateral", "dataset", "deidentified"),
        *("dicoms", "export", "frontal", "images", "import", "lateral", "negative", "normal", "original", "output"),
        *("positive", "private", "processed", "public", "radiographs", "samples", "scanner", "studies", "synthetic"),
        *("testing", "training", "unknown", "unspecified", "validation"),
    ]
)


def path_identifiers(locator: str) -> set[str]:
    """Returns the folder names and the file stem of a path relative to SCANS; in an archive those of both."""
    found: set[str] = set()
    for part in {locator, *locator.split("!")}:  # the mark of a member: medsyngen.formats.archive
        path = PurePosixPath(part)
        found |= {*path.parts[:-1], path.stem, PurePosixPath(path.stem).stem if path.suffix == ".gz" else path.stem}
    return found


def source_identifiers(texts: Iterable[str], public_text: str = "") -> frozenset[str]:
    """Keeps the texts that tell where scans came from.

    Dropped are texts below :data:`MIN_LENGTH` characters, zeros and punctuation, UIDs that the standard registers,
    single words of the DICOM dictionary (``Patient``, ``Series``) and a few words that folders are called by, and
    whatever the public text says already.

    Args:
        texts: As collected from headers, paths and tables.
        public_text: Text known before any scan was read (recipe, templates of the release): it can't identify anyone.

    Returns:
        Each text without surrounding spaces.
    """
    public = public_text.casefold()
    kept = set()
    for raw in texts:
        text = raw.strip(" \0\t\r\n")
        if len(text) < MIN_LENGTH or not re.search(r"[^\W0_]", text) or text in UID_dictionary:
            continue
        if text == PYDICOM_IMPLEMENTATION_UID or text.casefold() in _vocabulary() or _said(text.casefold(), public):
            continue
        kept.add(text)
    return frozenset(kept)


def _said(text: str, public: str) -> bool:
    """Whether public text says it; of numbers as a whole, for the gate searches them so: 123456 is not in 71234567."""
    if not _NUMBER_LIKE.fullmatch(text):
        return text in public
    return re.search(rf"(?<![^\W_])(?<!\d\.){re.escape(text)}(?![^\W_])(?!\.\d)", public) is not None


@cache
def _vocabulary() -> frozenset[str]:
    names = (entry[2] for entry in DicomDictionary.values())
    return _PLAIN | {word.casefold() for name in names for word in re.findall(r"[A-Za-z]{6,}", name)}


def write_identifiers(path: Path, identifiers: Iterable[str]) -> None:
    """Writes identifiers, one JSON string a line, after a line with their number, for its owner's eyes only.

    Args:
        path: The file, in the private part of a run folder; replaced if it is there.
        identifiers: From :func:`source_identifiers`.
    """
    texts = sorted(set(identifiers))
    lines = f"{len(texts)}\n" + "".join(f"{json.dumps(text)}\n" for text in texts)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_identifiers(path: Path) -> frozenset[str]:
    """Reads what :func:`write_identifiers` wrote.

    Raises:
        ValueError: If it is damaged or cut short: an incomplete list must not pass for a clean search.
    """
    count, *texts = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines() or [""]]
    if count != len(texts) or not all(isinstance(text, str) for text in texts):
        raise ValueError("not a list of identifiers")
    return frozenset(texts)
