"""Reading a folder of public images: PNG, JPEG, DICOM, ``.npz``. Its files may be named in messages, unlike scans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medsyngen.cohort.walking import HEAD_BYTES, FoundFile, Kind, find_files, kind_of
from medsyngen.errors import UsageError
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.npz import read_npz_header
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues
from medsyngen.scan import Pixels

Window = tuple[float, float]
TAKEN = (Kind.DICOM, Kind.NPZ, Kind.RASTER)


def read_public_folder(folder: Path, size: int, window: Window | None) -> Pixels:
    """Returns every image of a public folder, in the order of the files' names.

    Args:
        folder: Searched at any depth; links and side files (tables, texts) are left out.
        size: Rows and columns of the result; the longer side is scaled, the shorter one padded with -1.
        window: The values that become -1 and 1; None takes the range of the file's bit depth, and floats of an
            ``.npz`` as they are, in [-1, 1].

    Returns:
        float32 in [-1, 1], (n, 1, size, size).

    Raises:
        UsageError: Some file can't be used (every one is named), or there is no image.
    """
    images, bad = [], []
    source = ImageSource()
    for file in find_files(folder):
        kind = _kind(folder, file)
        if kind in (Kind.SIDE, Kind.LINK):
            continue
        if kind not in TAKEN:
            bad.append(f"{file.locator}: not taken ({kind.value})")
            continue
        try:
            values = _values(folder / file.locator, kind, source)
            images += [_fitted(_scaled(each, window), size) for each in values]
        except ScanRefused as refused:
            bad.append(f"{file.locator}: {refused.what}")
    if bad:
        raise UsageError("files of the public folder can't be used", do="mend them or take them out", details=bad)
    if not images:
        raise UsageError("the public folder holds no image", do="put PNG, JPEG, DICOM or .npz files into it")
    return np.stack(images)


def _kind(folder: Path, file: FoundFile) -> Kind:
    """Returns what a file is; a pipe or device is known without a look into it: opened, it may never answer."""
    if file.kind is not None:
        return file.kind
    path = folder / file.locator
    try:
        with path.open("rb") as opened:
            return kind_of(path, opened.read(HEAD_BYTES), file.locator, member=False)
    except OSError:
        return Kind.UNREADABLE


def _values(path: Path, kind: Kind, source: ImageSource) -> Iterator[ImageValues]:
    if kind is Kind.NPZ:
        for index in range(sum(read_npz_header(path).counts)):
            yield source.read(f"{path}#{index}")
    else:
        yield source.read(str(path))


def _scaled(values: ImageValues, window: Window | None) -> Pixels:
    ends = window or values.value_range or (-1.0, 1.0)
    if not ends[1] > ends[0]:  # also where they are not numbers
        raise ScanRefused("no-bit-depth")
    if window is None and values.value_range is None and np.abs(values.pixels).max() > 1 + 1e-6:
        raise ScanRefused("no-bit-depth", "floats outside [-1, 1]")
    scaled = (values.pixels.astype(np.float64) - ends[0]) * (2.0 / (ends[1] - ends[0])) - 1.0
    return np.clip(scaled, -1, 1).astype(np.float32)


def _fitted(image: Pixels, size: int) -> Pixels:
    import torch

    from medsyngen.cohort.monai_transforms import FitSquared

    fitted = FitSquared(keys="image", size=size)({"image": torch.from_numpy(image[None])})["image"]
    return np.asarray(fitted.numpy(), np.float32)
