"""An independent search for source identifiers in everything that was written."""

import csv
from pathlib import Path

import numpy as np
import pydicom

_TAKEN = {"UI", "PN", "LO", "SH", "DA", "LT", "ST"}


def identifiers_of(scans: Path) -> set[str]:
    """Every identifying string of the source: header values, file and folder names, ids of tables."""
    found: set[str] = set()
    for path in sorted(scans.rglob("*.dcm")):
        found.update((path.stem, path.parent.name))
        for element in pydicom.dcmread(path, stop_before_pixels=True).iterall():
            if element.VR in _TAKEN and not _public(element):
                found.update(str(v) for v in (element.value if element.VM > 1 else [element.value]))
    if scans.suffix == ".npz":
        with np.load(scans) as arrays:
            for name in {"patient_id", "filename"} & set(arrays.files):
                found.update(map(str, arrays[name]))
    for table in scans.glob("*.csv") if scans.is_dir() else ():
        found.update(row["patient_id"] for row in csv.DictReader(table.read_text().splitlines()))
    return {text for text in found if len(text) >= 6}


def _public(element: pydicom.DataElement) -> bool:
    """Identifiers of the standard itself: SOP classes, transfer syntaxes."""
    return element.VR == "UI" and str(element.value).startswith("1.2.840.10008.")


def leaks(folder: Path, identifiers: set[str], *, leave_out: str = "private") -> list[str]:
    """Files of a folder in which an identifier stands; digits count as whole numbers only (UIDs are random digits)."""
    numbers = {text for text in identifiers if text.isdigit()}
    words = [text.encode() for text in identifiers - numbers]
    hits = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = path.relative_to(folder)
        if relative.parts[0] == leave_out:
            continue
        data = str(relative).encode() + b"\0" + path.read_bytes()
        runs = set("".join(chr(b) if chr(b).isalnum() or b == 46 else " " for b in data).split()) if numbers else set()
        if any(word in data for word in words) or runs & numbers:
            hits.append(str(relative))
    return hits
