"""A draft of a MONAI bundle: the generator itself, about to leave. Not yet a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from medsyngen.errors import UsageError
from medsyngen.release.bundle_texts import WEIGHTS, BundleFacts, bundle_texts
from medsyngen.release.fitting import check_reports

MOST_WORDS: Final = 100_000


@dataclass(frozen=True)
class BundleDraft:
    """What was written, by the writer's own account; the gate doesn't take its word.

    Args:
        folder: The hidden folder.
        files: Path of every file relative to it, sorted.
        facts: What its texts are made of.
        shapes: The weights that it must hold: name -> shape, all float32.
        told: The JSON that must stand beside the weights.
    """

    folder: Path = field(repr=False)
    files: tuple[str, ...]
    facts: BundleFacts
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    told: str = field(repr=False)


def read_licence(path: Path | None) -> str:
    """Returns the terms of use that go into the bundle.

    Raises:
        UsageError: The file is not there, is no text, or is too long to be terms of use.
    """
    if path is None:
        return ""
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):
        raise UsageError("the licence can't be read as text", do="name a UTF-8 text file with --licence") from None
    if not 0 < len(text.strip()) <= MOST_WORDS:
        raise UsageError("the licence is empty or very long", do="name the text of the terms of use with --licence")
    return text


def write_bundle(
    folder: Path,
    weights: bytes,
    facts: BundleFacts,
    *,
    shapes: Mapping[str, tuple[int, ...]],
    told: str,
    report_files: Mapping[str, bytes],
) -> BundleDraft:
    """Writes weights, texts and privacy report into an empty folder.

    Args:
        folder: As :func:`medsyngen.release.export.drafting` gives it.
        weights: A safetensors file.
        facts: What the texts are made of.
        shapes: Names and shapes of the weights.
        told: The JSON in the file's metadata.
        report_files: Bytes of the privacy report by file name.
    """
    check_reports(report_files)
    files = {**bundle_texts(facts), WEIGHTS: weights, **report_files}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return BundleDraft(folder, tuple(sorted(files)), facts, dict(shapes), told)
