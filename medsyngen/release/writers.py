"""How an image is written in each format; one class a format, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from medsyngen.errors import UsageError
from medsyngen.formats.dicom_templates import ImageFacts, SyntheticIdentity
from medsyngen.formats.dicom_write import write_dicom, write_series
from medsyngen.formats.grey_levels import quantise, signed_levels
from medsyngen.formats.label_codes import to_labels
from medsyngen.formats.npz_write import LARGEST, NpzWriter
from medsyngen.formats.placing import as_volume
from medsyngen.release import bids, contents, names
from medsyngen.release.form import ReleaseForm
from medsyngen.scan import Pixels
from medsyngen.version import __version__


@dataclass(frozen=True)
class Image:
    """One synthetic image and what is said of it.

    Args:
        number: From 1.
        pixels: float32 in [-1, 1], (row, column) or (x, y, z).
        identity: Fresh.
        values: Its value of each attribute, or its class.
        words: The same, as DICOM's comment says it.
        codes: DICOM attribute -> code, where the recipe declares one.
        levels: Its label map as drawn, (x, y, z); None where there is none.
    """

    number: int
    pixels: Pixels = field(repr=False)
    identity: SyntheticIdentity
    values: tuple[str, ...]
    words: str
    codes: Mapping[str, str]
    levels: Pixels | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Where:
    """What all images of a cohort share.

    Args:
        folder: The draft's.
        form: What images are written as.
        guarantee: The privacy sentence.
        orders: The declared values of each attribute, or the classes: a label's number is its place here.
        closing: Closes in the end what writers hold open.
        labels: How many labels the label maps have; 0: there are none.
    """

    folder: Path = field(repr=False)
    form: ReleaseForm
    guarantee: str
    orders: tuple[tuple[str, ...], ...]
    closing: ExitStack = field(repr=False)
    labels: int = 0


class Writer(Protocol):
    """Writes images one after another."""

    def write(self, image: Image) -> None:
        """Writes one image."""
        ...

    def finish(self, count: int) -> None:
        """Writes what belongs to all of them."""
        ...


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


@dataclass(frozen=True)
class DicomWriter:
    """One file a picture, a folder of slices a volume."""

    where: Where

    def write(self, image: Image) -> None:
        """Writes one image."""
        form, root = self.where.form, _folder(self.where.folder / "dicom")
        facts, shape = self._facts(image), image.pixels.shape
        said: Any = {"identity": image.identity, "facts": facts, "modality": form.modality}
        thickness = form.slice_thickness_mm
        if contents.is_series(form, shape) and form.spacing_mm is not None:
            folder = _folder(self.where.folder / names.series_folder(image.number))
            files = (names.slice_name(number) for number in range(1, shape[2] + 1))
            write_series(folder, files, image.pixels, spacing_mm=form.spacing_mm, thickness_mm=thickness, **said)
        else:
            name = Path(names.image_file("dicom", image.number)).name
            write_dicom(root / name, image.pixels, thickness_mm=thickness, **said)

    def _facts(self, image: Image) -> ImageFacts:
        form = self.where.form
        low, high = form.window or (0, 0)
        return ImageFacts(
            body_part=form.body_part,
            view_position=image.codes.get("ViewPosition") or form.view_position,
            pixel_spacing_mm=form.pixel_spacing_mm,
            bits=form.bits,
            series_description=form.series_description,
            class_name=image.words,
            contribution=contribution(self.where.guarantee),
            sex=image.codes.get("PatientSex", ""),
            laterality=image.codes.get("Laterality", ""),
            derived=form.image_type == "DERIVED",
            lowest=low,
            highest=high,
        )

    def finish(self, count: int) -> None:
        """Has nothing to add."""


def contribution(guarantee: str) -> str:
    """Returns the Contribution Description (0018,A003) of every DICOM file of a cohort."""
    return f"medsyngen {__version__}. {guarantee}".strip()


def _write_volume(path: Path, image: Image, form: ReleaseForm) -> None:
    from medsyngen.formats.nifti_write import write_nifti

    levels = signed_levels(as_volume(image.pixels), form.bits, form.window)
    write_nifti(path, levels, spacing_mm=form.spacing_mm)


@dataclass(frozen=True)
class NiftiWriter:
    """One ``.nii.gz`` an image."""

    where: Where

    def write(self, image: Image) -> None:
        """Writes one image."""
        _folder(self.where.folder / "nifti")
        _write_volume(self.where.folder / names.image_file("nifti", image.number), image, self.where.form)

    def finish(self, count: int) -> None:
        """Has nothing to add."""


@dataclass(frozen=True)
class BidsWriter:
    """A BIDS dataset: one ``.nii.gz`` and one sidecar an image, and the dataset's own files."""

    where: Where

    def write(self, image: Image) -> None:
        """Writes one image and its sidecar."""
        volume, sidecar = (self.where.folder / file for file in bids.image_files(image.number, self.where.form))
        _folder(volume.parent)
        _write_volume(volume, image, self.where.form)
        sidecar.write_bytes(bids.json_bytes(bids.SIDECAR))

    def finish(self, count: int) -> None:
        """Writes the dataset's own files."""
        for file, data in bids.dataset_files(count, self.where.form, self.where.guarantee).items():
            (self.where.folder / file).write_bytes(data)


@dataclass(frozen=True)
class LabelWriter:
    """One ``.nii.gz`` a label map, on the grid of its volume: whole labels, the nearest of each level."""

    where: Where

    def write(self, image: Image) -> None:
        """Writes one label map."""
        from medsyngen.formats.nifti_write import write_nifti

        if image.levels is None:
            raise ValueError("a volume without its label map")
        path = self.where.folder / names.image_file(names.LABELS, image.number)
        _folder(path.parent)
        write_nifti(path, to_labels(image.levels, self.where.labels), spacing_mm=self.where.form.spacing_mm)

    def finish(self, count: int) -> None:
        """Has nothing to add."""


@dataclass(frozen=True)
class PngWriter:
    """One PNG a picture; of a volume three planes through its middle."""

    where: Where

    def write(self, image: Image) -> None:
        """Writes one picture."""
        from medsyngen.formats.orthogonal import orthogonal_views
        from medsyngen.formats.png import write_png

        _folder(self.where.folder / "png")
        path = self.where.folder / names.image_file("png", image.number)
        picture = orthogonal_views(image.pixels) if image.pixels.ndim == 3 else image.pixels
        write_png(path, picture, bits=8 if self.where.form.bits == 8 else 16)

    def finish(self, count: int) -> None:
        """Has nothing to add."""


class ArrayWriter:
    """All images as one ``.npz``, of 8 bits; labels are numbered as they were declared, the null comes last."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._values: list[tuple[str, ...]] = []
        path = _folder(where.folder / "npz") / Path(names.ARRAYS).name
        self._archive = where.closing.enter_context(NpzWriter(path))

    def write(self, image: Image) -> None:
        """Takes one image, a volume with its axes (x, y, z)."""
        if image.number * image.pixels.size > LARGEST:
            raise UsageError(
                "so many pixels don't fit into one .npz", do="ask for fewer images, or leave npz out of --format"
            )
        self._archive.add(quantise(image.pixels, 8).astype(np.uint8))
        self._values.append(image.values)

    def finish(self, count: int) -> None:
        """Writes the archive."""
        columns = zip(zip(*self._values, strict=True), self._where.orders, strict=True)
        labels = np.array([numbered(values, order) for values, order in columns]).T
        self._archive.finish(labels.astype(np.uint8 if labels.max() < 256 else np.uint16))


def numbered(values: Sequence[str], declared: Sequence[str]) -> list[int]:
    """Returns the number of each value: its place among the declared ones, then others in their order; null is last."""
    order = [*declared, *sorted(set(values) - set(declared) - {""})]
    place = {value: number for number, value in enumerate(order)}
    return [place.get(value, len(order)) for value in values]


WRITERS: Final[Mapping[str, Callable[[Where], Writer]]] = {
    "dicom": DicomWriter,
    "nifti": NiftiWriter,
    "bids": BidsWriter,
    "png": PngWriter,
    "npz": ArrayWriter,
    names.LABELS: LabelWriter,
}
"""What writes each format, by its name."""
