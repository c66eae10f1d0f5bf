"""The README.md inside a cohort: what it is, what is promised, how to open it. No time, no count, no path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from medsyngen.cohort.conditions import Attribute
from medsyngen.release.form import ReleaseForm
from medsyngen.release.snippets import loading

_HEAD = """# A synthetic cohort

**Every image here is synthetic.** No file shows a patient.
The images were drawn by a generator made with medsyngen.

{guarantee}

| file | what it is |
|---|---|
| `cohort.csv` | one row an image: its files, its synthetic patient, {columns} |
{rows}| `croissant.json` | the same table described for machines (ML Commons Croissant) |
| `manifest.json` | SHA-256 of every other file, and what the release gate checked |
{told}
"""

_ROWS = {
    "dicom": "| `dicom/` | DICOM ({modality}, {bits} bits), marked by Synthetic Data (0008,001C) = YES |\n",
    "nifti": "| `nifti/` | the same images as NIfTI, marked in `descrip` |\n",
    "bids": "| `bids/` | the same images as a BIDS dataset; every participant is in the group `synthetic` |\n",
    "png": "| `png/` | the same images as PNG, marked by the text `Synthetic` = YES and in XMP |\n",
    "npz": "| `npz/` | all images in one NumPy archive, in the layout of MedMNIST, 8 bits |\n",
}

_VIEWS: Final = "| `png/` | three planes through the middle of each volume, marked as any PNG here |\n"
_MAPS: Final = "| `labels/` | the label map of each volume as NIfTI on its grid: 0 is background, labels up to {} |\n"

_GREYS = """
Grey levels are those of the recipe's intensity window, from its lower end (0) to its upper end (the largest value).
"""
_GREYS_OF_PHANTOMS = """
Grey levels run from the phantoms' black (0) to their white (the largest value); they stand for no measured quantity.
"""
_HOUNSFIELD = """
Values are Hounsfield units, from {low} to {high}: in DICOM after Rescale Slope and Intercept, in NIfTI as they are. PNG
and npz hold grey levels, from the lower end of that window (0) to its upper end.
"""
_AXES = """
NIfTI axes: x to the patient's right, y to the front, z to the head (RAS+), the origin in the middle.
"""
_AXES_OF_PROJECTIONS = """
NIfTI axes: these pictures have no place in a patient. x runs from the picture's right to its left, y from its bottom to
its top, as a slice across the body would lie; the header's words for directions mean nothing more.
"""
_LABELS = """
`train_labels` in the archive has a column for each of these, numbered from 0; the last number is "nothing said":

{rows}
"""

_CONDITIONS = """
## What the images were asked to show

| column | values and their declared shares |
|---|---|
{rows}
Values and shares were declared in the recipe, not counted. The columns are independent of each other by construction{}.
"""
_IN_SCANS = """:
in the scans they need not be"""

_NAMES_ONLY = """
**Classes are names only.** No labelled image taught the generator what a class looks like: all images were drawn in
the same way, whatever `cohort.csv` or a DICOM file says of their class. Nothing about a class can be learned from them.
"""

_DATASHEET: Final = """
## Questions that a data sheet answers

**Why was it made?** To let others work with images of this kind without any patient's scan leaving the hospital.

**What does a row stand for?** One synthetic image. {patients}

**Is it a sample of something larger?** No. Any number of images could be drawn; classes and attributes come in the
shares that were declared in the recipe, not in those of a population.

**Does it hold data of people?** No image shows a person. {learned}

**Is anything missing?** Dates are one constant, and everything that a scanner would tell of itself is empty or says
SYNTHETIC. What few patients have may be missing from the images, or wrong in them.

**What may it be used for?** Research, teaching and software tests. Not for diagnosis, and not to learn anything about a
patient or about how frequent a finding is. Test what was trained on it on real images.

**How was it checked?** The release gate read every written byte; `manifest.json` lists each check. Whether the images
are useful for your purpose was not checked by it.

**Who answers for it?** The hospital that released it, which also gives the licence; the privacy report says what the
promise rests on.
"""
_SCANS_TAUGHT: Final = """Scans of patients taught the generator, through a differentially
private mechanism: the sentence at the top bounds what one patient's record can have changed."""
_NO_SCAN_TAUGHT: Final = """No scan taught the generator: images drawn by program did."""


def cohort_readme(
    form: ReleaseForm,
    formats: Sequence[str],
    *,
    guarantee: str,
    report_files: Sequence[str],
    attributes: Sequence[Attribute] = (),
    classes: Sequence[str] = (),
    scans_read: bool = True,
    volumes: bool = False,
    labels: int = 0,
) -> str:
    """Returns the text of README.md.

    Args:
        form: What the images were written as.
        formats: The formats that were written.
        guarantee: The privacy sentence, generated from recipe and ledger.
        report_files: Names of the privacy report's files.
        attributes: Those that the recipe declares, if any.
        classes: Those that the recipe declares, if any.
        scans_read: False where the generator learned from phantoms alone.
        volumes: Whether the images are volumes.
        labels: How many labels their label maps have; 0: there are none.
    """
    rows = "".join(_ROWS[name].format(modality=form.modality, bits=form.bits) for name in formats)
    if volumes and "png" in formats:
        rows = rows.replace(_ROWS["png"], _VIEWS)
    rows += _MAPS.format(labels - 1) if labels else ""
    rows += "".join(f"| `{name}` | the privacy report |\n" for name in report_files)
    columns = "its class (empty: no class)"
    if attributes:
        columns = "a column for each attribute: " + ", ".join(f"`{a.name}`" for a in attributes)
    told = _told(attributes, scans_read) + ("" if scans_read else _NAMES_ONLY)
    learned = _SCANS_TAUGHT if scans_read else _NO_SCAN_TAUGHT
    return "".join(
        (
            _HEAD.format(guarantee=guarantee, rows=rows, columns=columns, told=told),
            "## How to open it\n\n",
            "\n".join(loading(form, formats, volumes=volumes, labels=bool(labels))),
            *_values(form, formats, scans_read, volumes),
            _labels(attributes, classes) if "npz" in formats else "",
            _DATASHEET.format(patients=_patients(form), learned=learned),
        )
    )


def _values(form: ReleaseForm, formats: Sequence[str], scans_read: bool, volumes: bool) -> Iterator[str]:
    if form.window is not None:
        yield _HOUNSFIELD.format(low=form.window[0], high=form.window[1])
    else:
        yield _GREYS if scans_read else _GREYS_OF_PHANTOMS
    if {"nifti", "bids"} & set(formats):
        flat = not volumes and form.modality not in ("CT", "MR")
        yield _AXES_OF_PROJECTIONS if flat else _AXES


def _patients(form: ReleaseForm) -> str:
    images, studies = form.images_per_patient, form.studies_per_patient
    if images == 1:
        return "A synthetic patient has one image here."
    spread = f", spread over {studies} studies" if studies > 1 else ""
    return (
        f"A synthetic patient has {images} images here{spread} (the last one may have\nfewer); they were drawn "
        "independently of each other, so they do not look like one person."
    )


def _labels(attributes: Sequence[Attribute], classes: Sequence[str]) -> str:
    orders = {a.name: [value.name for value in a.values] for a in attributes} or {"class": list(classes)}
    rows = "\n".join(f"- `{name}`: {_cell(', '.join(order)) or 'no values'}" for name, order in orders.items())
    return _LABELS.format(rows=rows)


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
