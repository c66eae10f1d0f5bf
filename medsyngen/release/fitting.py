"""Whether images can be written as asked, said before anything is drawn or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from medsyngen.errors import UsageError
from medsyngen.formats.dicom_templates import SLICES
from medsyngen.release import names
from medsyngen.release.form import ReleaseForm
from medsyngen.synthesis.synthesizer import Draws


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


def check_modality(form: ReleaseForm, formats: Sequence[str]) -> None:
    """Raises a UsageError if a format can't hold the recipe's modality; known before anything is drawn."""
    if "bids" in formats and form.modality != "MR":
        raise UsageError(
            f"BIDS has no place for {form.modality} images, only for MR",
            do="leave bids out of --format (nifti is there for every modality), or set release.modality to MR",
        )


def check_draws(draws: Draws, shape: tuple[int, ...] | None = None, *, channels: int = 1) -> None:
    """Raises a UsageError unless the draws are grey pictures or volumes, all of one shape; of volumes maybe with maps.

    Args:
        draws: To be written.
        shape: Of those before them.
        channels: 2 where label maps are the second one.
    """
    if draws.pixels.ndim not in (4, 5) or draws.pixels.shape[1] != channels or channels > draws.pixels.ndim - 3:
        raise UsageError(
            f"images of shape {draws.pixels.shape[1:]} can't be exported: only single-channel ones in 2-D or 3-D can",
            do="use a recipe for grey images",
        )
    if shape is not None and draws.pixels.shape[2:] != shape:
        raise UsageError("images of different shapes can't be one cohort", do="draw all of them in one shape")
    check_count(len(draws))


def check_count(count: int) -> None:
    """Raises a UsageError unless so many images can be numbered."""
    if not 1 <= count <= names.MOST:
        raise UsageError(f"can't export {count} images", do=f"ask for 1 to {names.MOST}")


def check_images(shape: Sequence[int], form: ReleaseForm, formats: Sequence[str]) -> None:
    """Raises a UsageError if images of this shape can't be written in these formats; lists every reason.

    Args:
        shape: (row, column) of a picture, (x, y, z) of a volume.
        form: What they are to be written as.
        formats: The formats that were asked for.
    """
    check_modality(form, formats)
    wrong = list(_of_volumes(shape, form, formats)) if len(shape) == 3 else []
    if max(shape) > names.MOST_SLICES:
        wrong.append(f"a side of {max(shape)} is more than the {names.MOST_SLICES} that can be numbered")
    if wrong:
        raise UsageError("these images can't be written as asked", do="correct each of these", details=wrong)


def _of_volumes(shape: Sequence[int], form: ReleaseForm, formats: Sequence[str]) -> Iterator[str]:
    if "dicom" in formats and form.modality not in (*SLICES, "MFSC"):
        yield f"a volume can't be a {form.modality} image: set release.modality to CT, MR or MFSC"
    if form.modality in SLICES and form.slice_spacing_mm is None:
        yield "nothing says how far the slices of a volume are apart: set release.slice_spacing_mm"


def check_reports(report_files: Mapping[str, bytes]) -> None:
    """Raises a UsageError if a file of the privacy report has a name that a cohort can't hold."""
    if not all(names.REPORT_FILE.fullmatch(name) for name in report_files) or names.OURS & set(report_files):
        raise UsageError(
            "a report file has a name that a cohort can't hold", do="name it in lower case, .json or .html"
        )
