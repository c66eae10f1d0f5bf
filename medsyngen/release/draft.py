"""A draft: everything that would leave, written into a hidden folder for the gate to read. Not yet a release."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from medsyngen.cohort.conditions import CLASS, Attribute
from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent
from medsyngen.release import contents, names
from medsyngen.release.croissant import croissant_bytes
from medsyngen.release.fitting import check_count, check_draws, check_formats, check_images, check_reports
from medsyngen.release.form import ReleaseForm
from medsyngen.release.patients import Identities
from medsyngen.release.readme import cohort_readme
from medsyngen.release.writers import WRITERS, Image, Where, Writer
from medsyngen.synthesis.synthesizer import Draws

PATIENT_COLUMN = "synthetic_patient_id"

__all__ = ["Draft", "check_count", "check_formats", "column_names", "write_draft"]


@dataclass(frozen=True)
class Draft:
    """What was written, by the writer's own account; the gate doesn't take its word.

    Args:
        folder: The hidden folder.
        files: Path of every file relative to it, sorted.
        count: Number of images.
        form: What they were written as.
        formats: The formats that were written.
        shape: Of every image: (row, column) of a picture, (x, y, z) of a volume.
        attributes: The declared attributes, a column of the table each; none: the one column ``class``.
        classes: The declared classes, where there are no attributes.
        guarantee: The privacy sentence that was handed in.
        scans_read: Whether any scan taught the generator.
        labels: How many labels the label maps have; 0: there are none.
    """

    folder: Path = field(repr=False)
    files: tuple[str, ...]
    count: int
    form: ReleaseForm
    formats: tuple[str, ...]
    shape: tuple[int, ...] = (1, 1)
    attributes: tuple[Attribute, ...] = ()
    classes: tuple[str, ...] = ()
    guarantee: str = ""
    scans_read: bool = True
    labels: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that name files: the formats, and label maps if there are any."""
        return with_labels(self.formats, self.labels)


def with_labels(formats: tuple[str, ...], labels: int) -> tuple[str, ...]:
    """Returns the formats, and the place of label maps behind them if there are any."""
    return (*formats, names.LABELS) if labels else formats


def column_names(attributes: Sequence[Attribute]) -> tuple[str, ...]:
    """Returns the columns of the table that say what an image is of."""
    return tuple(attribute.name for attribute in attributes) or (CLASS,)


class _Images:
    """Writes images and their rows of the table; one thread at a time.

    Args:
        where: Folder and form.
        formats: In order.
        attributes: Declared ones; may be empty.
        scans_read: False where nothing taught the generator what a class looks like.
    """

    def __init__(
        self, where: Where, formats: tuple[str, ...], attributes: tuple[Attribute, ...], scans_read: bool
    ) -> None:
        self._where, self._formats, self._attributes, self._scans_read = where, formats, attributes, scans_read
        self._identities = Identities(names.cohort_tag(), where.form)
        self._writers: list[Writer] = [WRITERS[name](where) for name in formats]
        self._columns = column_names(attributes)
        self._add_rows([[*formats, PATIENT_COLUMN, *self._columns]])

    def write(self, draws: Draws, before: int) -> int:
        """Writes draws after ``before`` others; returns how many there are now."""
        rows = []
        columns = [draws.columns[name] for name in self._columns]
        for number, (pixels, *values) in enumerate(zip(draws.pixels, *columns, strict=True), start=before + 1):
            words, codes = self._said(values)
            identity, levels = self._identities.of(number), pixels[1] if self._where.labels else None
            image = Image(number, pixels[0], identity, tuple(values), words, codes, levels)
            for writer in self._writers:
                writer.write(image)
            form, shape = self._where.form, image.pixels.shape
            told = [contents.told_in_table(name, number, form, shape) for name in self._formats]
            rows.append([*told, image.identity.patient_id, *values])
        self._add_rows(rows)
        return before + len(draws)

    def finish(self, count: int) -> None:
        """Writes what belongs to all images of a format."""
        for writer in self._writers:
            writer.finish(count)

    def _said(self, values: Sequence[str]) -> tuple[str, dict[str, str]]:
        """Returns the words for the class of an image, and the code of each DICOM attribute that says it."""
        only = "" if self._scans_read or not any(values) else " (a name only)"
        if not self._attributes:
            return f"{values[0]}{only}", {}
        pairs = list(zip(self._attributes, values, strict=True))
        words = "; ".join(f"{attribute.name} = {value or 'none'}" for attribute, value in pairs)
        return f"{words}{only}", {a.dicom: a.code(value) for a, value in pairs if a.dicom}

    def _add_rows(self, rows: Sequence[Sequence[str]]) -> None:
        with (self._where.folder / names.TABLE).open("a", encoding="utf-8", newline="") as table:
            csv.writer(table, lineterminator="\n").writerows(rows)


def _write_behind(images: _Images, batches: Iterator[Draws], shape: tuple[int, ...], progress: Progress) -> int:
    """Writes each batch in a thread while the next one is drawn in this one; two are in memory. Returns how many."""
    drawn, written = 0, 0
    with ThreadPoolExecutor(1, thread_name_prefix="writing behind") as pool:
        writing: Future[int] | None = None
        for draws in batches:
            check_draws(draws, shape[1:], channels=shape[0])
            check_count(drawn + len(draws))
            if writing is not None:
                written = writing.result()
            writing = pool.submit(images.write, draws, written)
            drawn += len(draws)
        written = writing.result() if writing is not None else 0
    images.finish(written)
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
    classes: Sequence[str] = (),
    scans_read: bool = True,
    labels: int = 0,
    progress: Progress = silent,
) -> Draft:
    """Writes images, table, README, description and privacy report into the folder.

    Args:
        draws: The synthetic images, single-channel: pictures (1, row, column), or volumes (1, x, y, z) whose axes run
            to the patient's right, to the front and to the head; with label maps (2, x, y, z). All of them, or batch by
            batch: batches are written while the next one is drawn, so that memory does not grow with their number.
        form: What to write them as.
        formats: One or more of :data:`medsyngen.release.names.SUFFIXES`.
        guarantee: The privacy sentence, generated from recipe and ledger: into the README and every DICOM file.
        report_files: Bytes of the privacy report by file name, made from recipe and ledger only.
        folder: An empty folder, as :func:`medsyngen.release.export.drafting` gives it.
        labels: How many labels the maps in channel 1 have; 0: there is no such channel.
        attributes: The attributes that the recipe declares, whose values the draws have; none: they have classes.
        classes: The classes that the recipe declares, in its order.
        scans_read: False where the generator learned from phantoms alone: then classes are names only, and it is said.
        progress: Told when every image is written.

    Raises:
        UsageError: The draws, formats or report names can't be written.
    """
    formats, channels = check_formats(formats), 2 if labels else 1
    check_reports(report_files)
    batches = iter((draws,) if isinstance(draws, Draws) else draws)
    first = next(batches, None)
    if first is None:
        raise UsageError("can't export 0 images", do=f"ask for 1 to {names.MOST}")
    check_draws(first, channels=channels)  # before anything is written
    shape = first.pixels.shape[2:]
    check_images(shape, form, formats)
    attributes, classes = tuple(attributes), tuple(classes)
    orders = tuple(tuple(value.name for value in each.values) for each in attributes) or (classes,)
    with ExitStack() as closing:
        where = Where(folder, form, guarantee, orders, closing, labels)
        images = _Images(where, with_labels(formats, labels), attributes, scans_read)
        count = _write_behind(images, chain((first,), batches), (channels, *shape), progress)
    texts = {
        names.README: cohort_readme(
            form,
            formats,
            guarantee=guarantee,
            report_files=sorted(report_files),
            attributes=attributes,
            classes=classes,
            scans_read=scans_read,
            volumes=len(shape) == 3,
            labels=labels,
        ).encode(),
        names.CROISSANT: croissant_bytes(
            with_labels(formats, labels),
            column_names(attributes),
            guarantee=guarantee,
            table=(folder / names.TABLE).read_bytes(),
        ),
        **report_files,
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    written = contents.image_files(with_labels(formats, labels), count, form, shape)
    files = tuple(sorted([*written, names.TABLE, *texts]))
    return Draft(folder, files, count, form, formats, shape, attributes, classes, guarantee, scans_read, labels)
