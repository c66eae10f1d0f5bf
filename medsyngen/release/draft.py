"""A draft: everything that would leave, written into a hidden folder for the gate to read. Not yet a release."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medsyngen.errors import UsageError
from medsyngen.formats.dicom_templates import SyntheticIdentity
from medsyngen.formats.dicom_write import write_dicom
from medsyngen.progress import Progress, silent
from medsyngen.release import names
from medsyngen.release.form import ReleaseForm
from medsyngen.release.readme import cohort_readme
from medsyngen.scan import Pixels
from medsyngen.synthesis.synthesizer import Draws
from medsyngen.version import __version__

CLASS_COLUMN = "class"
PATIENT_COLUMN = "synthetic_patient_id"


@dataclass(frozen=True)
class Draft:
    """What was written, by the writer's own account; the gate doesn't take its word.

    Args:
        folder: The hidden folder.
        files: Path of every file relative to it, sorted.
        count: Number of pictures.
        form: What they were written as.
        formats: The formats that were written.
    """

    folder: Path = field(repr=False)
    files: tuple[str, ...]
    count: int
    form: ReleaseForm
    formats: tuple[str, ...]


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Returns the formats in the order of the cohort's folders, each once.

    Raises:
        UsageError: There is none, or one is unknown.
    """
    unknown = sorted(set(formats) - set(names.SUFFIXES))
    if unknown or not formats:
        raise UsageError(
            f"can't write the format {', '.join(unknown)}" if unknown else "no format to write",
            do=f"choose one or more of {', '.join(names.SUFFIXES)}",
        )
    return tuple(name for name in names.SUFFIXES if name in formats)


def check_draws(draws: Draws) -> None:
    """Raises a UsageError unless the draws are single-channel pictures, and not more than can be numbered."""
    if draws.pixels.ndim != 4 or draws.pixels.shape[1] != 1:
        raise UsageError(
            f"pictures of shape {draws.pixels.shape[1:]} can't be exported: only single-channel pictures in 2-D can",
            do="use a recipe for grey pictures in 2-D",
        )
    if not 1 <= len(draws) <= names.MOST:
        raise UsageError(f"can't export {len(draws)} pictures", do=f"ask for 1 to {names.MOST}")


def _write_picture(
    folder: Path, number: int, pixels: Pixels, form: ReleaseForm, image_format: str, **said: str
) -> None:
    path = folder / names.image_file(image_format, number)
    if image_format == "dicom":
        write_dicom(
            path,
            pixels,
            identity=SyntheticIdentity.fresh(said["patient"]),
            modality=form.modality,
            body_part=form.body_part,
            view_position=form.view_position,
            pixel_spacing_mm=form.pixel_spacing_mm,
            bits=form.bits,
            series_description=form.series_description,
            class_name=said["class_name"],
            contribution=f"medsyngen {__version__}. {said['guarantee']}".strip(),
        )
    else:
        from medsyngen.formats.png import write_png

        write_png(path, pixels, bits=8 if form.bits == 8 else 16)


def write_draft(
    draws: Draws,
    form: ReleaseForm,
    *,
    formats: Sequence[str] = ("dicom", "png"),
    guarantee: str,
    report_files: Mapping[str, bytes],
    folder: Path,
    progress: Progress = silent,
) -> Draft:
    """Writes pictures, table, README and privacy report into the folder.

    Args:
        draws: The synthetic pictures, single-channel and 2-D.
        form: What to write them as.
        formats: ``dicom``, ``png`` or both.
        guarantee: The privacy sentence, generated from recipe and ledger: into the README and every DICOM file.
        report_files: Bytes of the privacy report by file name, made from recipe and ledger only.
        folder: An empty folder, as :func:`medsyngen.release.export.drafting` gives it.
        progress: Told after every picture.

    Raises:
        UsageError: The draws, formats or report names can't be written.
    """
    check_draws(draws)
    formats = check_formats(formats)
    if not all(names.REPORT_FILE.fullmatch(name) for name in report_files) or names.MANIFEST in report_files:
        raise UsageError(
            "a report file has a name that a cohort can't hold", do="name it in lower case, .json or .html"
        )
    tag = names.cohort_tag()
    rows = [[*formats, PATIENT_COLUMN, CLASS_COLUMN]]
    for image_format in formats:
        (folder / image_format).mkdir()
    for number, (pixels, class_name) in enumerate(zip(draws.pixels, draws.classes, strict=True), start=1):
        patient = names.patient_id(tag, number)
        for name in formats:
            said = {"patient": patient, "class_name": class_name, "guarantee": guarantee}
            _write_picture(folder, number, pixels[0], form, name, **said)
        rows.append([*(names.image_file(name, number) for name in formats), patient, class_name])
        progress("writing the cohort", number, len(draws))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    texts = {
        names.TABLE: table.getvalue().encode(),
        names.README: cohort_readme(form, formats, guarantee=guarantee, report_files=sorted(report_files)).encode(),
        **report_files,
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    pictures = [names.image_file(name, number) for name in formats for number in range(1, len(draws) + 1)]
    return Draft(folder, tuple(sorted([*pictures, *texts])), len(draws), form, formats)
