"""The README.md inside a cohort: what it is, what is promised, how to open it. No time, no count, no path."""

from __future__ import annotations

from collections.abc import Sequence

from medsyngen.cohort.conditions import Attribute
from medsyngen.release.form import ReleaseForm

_HEAD = """# A synthetic cohort

**Every picture here is synthetic.** No file shows a patient.
The pictures were drawn by a generator made with medsyngen.

{guarantee}

| file | what it is |
|---|---|
| `cohort.csv` | one row a picture: its files, its synthetic patient, {columns} |
{rows}| `manifest.json` | SHA-256 of every other file, and what the release gate checked |
{told}
## How to open it
"""

_ROWS = {
    "dicom": "| `dicom/` | DICOM ({modality}, {bits} bits), marked by Synthetic Data (0008,001C) = YES |\n",
    "png": "| `png/` | the same pictures as PNG |\n",
}

_LOADING = {
    "dicom": """
```python
import pydicom
ds = pydicom.dcmread("dicom/SYN-000001.dcm")
assert ds.SyntheticData == "YES"
pixels = ds.pixel_array
```
""",
    "png": """
```python
from PIL import Image
picture = Image.open("png/SYN-000001.png")
```
""",
}

_GREYS = """
Grey levels are those of the recipe's intensity window, from its lower end (0) to its upper end (the largest value).
"""
_GREYS_OF_PHANTOMS = """
Grey levels run from the phantoms' black (0) to their white (the largest value); they stand for no measured quantity.
"""
_TAIL = (
    "A synthetic patient has one picture here. The pictures are for research and software testing, not for diagnosis.\n"
)

_CONDITIONS = """
## What the pictures were asked to show

| column | values and their declared shares |
|---|---|
{rows}
Values and shares were declared in the recipe, not counted. The columns are independent of each other by construction{}.
"""
_IN_SCANS = """:
in the scans they need not be"""

_NAMES_ONLY = """
**Classes are names only.** No labelled picture taught the generator what a class looks like: all pictures were drawn in
the same way, whatever `cohort.csv` or a DICOM file says of their class. Nothing about a class can be learned from them.
"""


def cohort_readme(
    form: ReleaseForm,
    formats: Sequence[str],
    *,
    guarantee: str,
    report_files: Sequence[str],
    attributes: Sequence[Attribute] = (),
    scans_read: bool = True,
) -> str:
    """Returns the text of README.md.

    Args:
        form: What the pictures were written as.
        formats: The formats that were written.
        guarantee: The privacy sentence, generated from recipe and ledger.
        report_files: Names of the privacy report's files.
        attributes: Those that the recipe declares, if any.
        scans_read: False where the generator learned from phantoms alone.
    """
    rows = "".join(_ROWS[name].format(modality=form.modality, bits=form.bits) for name in formats)
    rows += "".join(f"| `{name}` | the privacy report |\n" for name in report_files)
    columns = "its class (empty: no class)"
    if attributes:
        columns = "a column for each attribute: " + ", ".join(f"`{a.name}`" for a in attributes)
    told = _told(attributes, scans_read) + ("" if scans_read else _NAMES_ONLY)
    body = _HEAD.format(guarantee=guarantee, rows=rows, columns=columns, told=told)
    return body + "".join(_LOADING[name] for name in formats) + (_GREYS if scans_read else _GREYS_OF_PHANTOMS) + _TAIL


def _told(attributes: Sequence[Attribute], scans_read: bool) -> str:
    if not attributes:
        return ""
    rows = ""
    for attribute in attributes:
        values = ", ".join(f"{_cell(value.name)} {value.share:.4g}" for value in attribute.values)
        written = f" (DICOM {attribute.dicom})" if attribute.dicom else ""
        rows += f"| `{attribute.name}`{written} | {values} |\n"
    return _CONDITIONS.format(_IN_SCANS if scans_read else "", rows=rows)


def _cell(text: str) -> str:
    """Returns text that stays in its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
