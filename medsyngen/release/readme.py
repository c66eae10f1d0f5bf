"""The README.md inside a cohort: what it is, what is promised, how to open it. No time, no count, no path."""

from __future__ import annotations

from collections.abc import Sequence

from medsyngen.release.form import ReleaseForm

_HEAD = """# A synthetic cohort

**Every picture here is synthetic.** No file shows a patient.
The pictures were drawn by a generator made with medsyngen.

{guarantee}

| file | what it is |
|---|---|
| `cohort.csv` | one row a picture: its files, its synthetic patient, its class (empty: no class) |
{rows}| `manifest.json` | SHA-256 of every other file, and what the release gate checked |

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

_TAIL = """
Grey levels are those of the recipe's intensity window, from its lower end (0) to its upper end (the largest value).
A synthetic patient has one picture here. The pictures are for research and software testing, not for diagnosis.
"""


def cohort_readme(form: ReleaseForm, formats: Sequence[str], *, guarantee: str, report_files: Sequence[str]) -> str:
    """Returns the text of README.md.

    Args:
        form: What the pictures were written as.
        formats: The formats that were written.
        guarantee: The privacy sentence, generated from recipe and ledger.
        report_files: Names of the privacy report's files.
    """
    rows = "".join(_ROWS[name].format(modality=form.modality, bits=form.bits) for name in formats)
    rows += "".join(f"| `{name}` | the privacy report |\n" for name in report_files)
    body = _HEAD.format(guarantee=guarantee, rows=rows)
    return body + "".join(_LOADING[name] for name in formats) + _TAIL
