"""A draft: everything that would leave, written into a hidden folder for the gate to read. Not yet a release."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from medsyngen.cohort.conditions import CLASS, Attribute
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
        attributes: The declared attributes, a column of the table each; none: the one column ``class``.
    """

    folder: Path = field(repr=False)
    files: tuple[str, ...]
    count: int
    form: ReleaseForm
    formats: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()


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
    check_count(len(draws))


def check_count(count: int) -> None:
    """Raises a UsageError unless so many pictures can be numbered."""
    if not 1 <= count <= names.MOST:
        raise UsageError(f"can't export {count} pictures", do=f"ask for 1 to {names.MOST}")


def column_names(attributes: Sequence[Attribute]) -> tuple[str, ...]:
    """Returns the columns of the table that say what a picture is of."""
    return tuple(attribute.name for attribute in attributes) or (CLASS,)


def _write_picture(
    folder: Path, number: int, pixels: Pixels, form: ReleaseForm, image_format: str, said: Mapping[str, str]
) -> None:
    path = folder / names.image_file(image_format, number)
    if image_format == "dicom":
        write_dicom(
            path,
            pixels,
            identity=SyntheticIdentity.fresh(said["patient"]),
            modality=form.modality,
            body_part=form.body_part,
            view_position=said.get("ViewPosition") or form.view_position,
            pixel_spacing_mm=form.pixel_spacing_mm,
            bits=form.bits,
            series_description=form.series_description,
            class_name=said["class_name"],
            contribution=f"medsyngen {__version__}. {said['guarantee']}".strip(),
            sex=said.get("PatientSex", ""),
            laterality=said.get("Laterality", ""),
        )
    else:
        from medsyngen.formats.png import write_png

        write_png(path, pixels, bits=8 if form.bits == 8 else 16)


@dataclass(frozen=True)
class _Pictures:
    """Writes pictures and their rows of the table; one thread at a time.

    Args:
        folder: Of the draft.
        form: What to write the pictures as.
        formats: In order.
        guarantee: The privacy sentence.
        tag: Of the cohort's patients.
        attributes: Declared ones; may be empty.
        scans_read: False where nothing taught the generator what a class looks like.
    """

    folder: Path
    form: ReleaseForm
    formats: tuple[str, ...]
    guarantee: str
    tag: str
    attributes: tuple[Attribute, ...]
    scans_read: bool = True

    def begin(self) -> None:
        """Makes the folders of the pictures and a table without rows."""
        for image_format in self.formats:
            (self.folder / image_format).mkdir()
        self._add_rows([[*self.formats, PATIENT_COLUMN, *column_names(self.attributes)]])

    def write(self, draws: Draws, before: int) -> int:
        """Writes draws after ``before`` others; returns how many there are now."""
        rows = []
        columns = [draws.columns[name] for name in column_names(self.attributes)]
        for number, (pixels, *values) in enumerate(zip(draws.pixels, *columns, strict=True), start=before + 1):
            patient = names.patient_id(self.tag, number)
            said = {"patient": patient, "guarantee": self.guarantee, **self._said(values)}
            for name in self.formats:
                _write_picture(self.folder, number, pixels[0], self.form, name, said)
            rows.append([*(names.image_file(name, number) for name in self.formats), patient, *values])
        self._add_rows(rows)
        return before + len(draws)

    def _said(self, values: Sequence[str]) -> dict[str, str]:
        """Returns the words for the class of a picture, and the code of each DICOM attribute that says it."""
        only = "" if self.scans_read or not any(values) else " (a name only)"
        if not self.attributes:
            return {"class_name": f"{values[0]}{only}"}
        pairs = list(zip(self.attributes, values, strict=True))
        words = "; ".join(f"{attribute.name} = {value or 'none'}" for attribute, value in pairs)
        return {"class_name": f"{words}{only}", **{a.dicom: a.code(value) for a, value in pairs if a.dicom}}

    def _add_rows(self, rows: Sequence[Sequence[str]]) -> None:
        with (self.folder / names.TABLE).open("a", encoding="utf-8", newline="") as table:
            csv.writer(table, lineterminator="\n").writerows(rows)


def _write_behind(pictures: _Pictures, batches: Iterator[Draws], progress: Progress) -> int:
    """Writes each batch in a thread while the next one is drawn in this one; two are in memory. Returns how many."""
    drawn, written = 0, 0
    with ThreadPoolExecutor(1, thread_name_prefix="writing behind") as pool:
        writing: Future[int] | None = None
        for draws in batches:
            check_draws(draws)
            check_count(drawn + len(draws))
            if writing is not None:
                written = writing.result()
            writing = pool.submit(pictures.write, draws, written)
            drawn += len(draws)
        written = writing.result() if writing is not None else 0
    progress("writing the cohort", written, drawn)
    return written


def write_draft(
    draws: Draws | Iterable[Draws],
    form: ReleaseForm,
    *,
    formats: Sequence[str] = ("dicom", "png"),
    guarantee: str,
    report_files: Mapping[str, bytes],
    folder: Path,
    attributes: Sequence[Attribute] = (),
    scans_read: bool = True,
    progress: Progress = silent,
) -> Draft:
    """Writes pictures, table, README and privacy report into the folder.

    Args:
        draws: The synthetic pictures, single-channel and 2-D: all of them, or batch by batch. Batches are written
            while the next one is drawn, so that memory does not grow with their number.
        form: What to write them as.
        formats: ``dicom``, ``png`` or both.
        guarantee: The privacy sentence, generated from recipe and ledger: into the README and every DICOM file.
        report_files: Bytes of the privacy report by file name, made from recipe and ledger only.
        folder: An empty folder, as :func:`medsyngen.release.export.drafting` gives it.
        attributes: The attributes that the recipe declares, whose values the draws have; none: they have classes.
        scans_read: False where the generator learned from phantoms alone: then classes are names only, and it is said.
        progress: Told when every picture is written.

    Raises:
        UsageError: The draws, formats or report names can't be written.
    """
    formats = check_formats(formats)
    if not all(names.REPORT_FILE.fullmatch(name) for name in report_files) or names.MANIFEST in report_files:
        raise UsageError(
            "a report file has a name that a cohort can't hold", do="name it in lower case, .json or .html"
        )
    batches = iter((draws,) if isinstance(draws, Draws) else draws)
    first = next(batches, None)
    if first is None:
        raise UsageError("can't export 0 pictures", do=f"ask for 1 to {names.MOST}")
    check_draws(first)  # before anything is written
    attributes = tuple(attributes)
    pictures = _Pictures(folder, form, formats, guarantee, names.cohort_tag(), attributes, scans_read)
    pictures.begin()
    count = _write_behind(pictures, chain((first,), batches), progress)
    texts = {
        names.README: cohort_readme(
            form,
            formats,
            guarantee=guarantee,
            report_files=sorted(report_files),
            attributes=attributes,
            scans_read=scans_read,
        ).encode(),
        **report_files,
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    files = [names.image_file(name, number) for name in formats for number in range(1, count + 1)]
    return Draft(folder, tuple(sorted([*files, names.TABLE, *texts])), count, form, formats, attributes)
