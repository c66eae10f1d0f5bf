"""Reading a folder of public images: PNG, DICOM, ``.npz``. Its files may be named in messages; private ones never."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medsyngen.cohort.walking import FoundFile, Kind, find_files
from medsyngen.errors import UsageError
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.npz import read_npz_header
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues
from medsyngen.scan import Pixels

Window = tuple[float, float]


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
        if file.kind in (Kind.SIDE, Kind.LINK):
            continue
        if not _plain(folder / file.locator):  # opened, a pipe would never answer
            bad.append(f"{file.locator}: no plain file, or one that can't be opened")
            continue
        try:
            images += [_fitted(_scaled(values, window), size) for values in _values(folder, file, source)]
        except ScanRefused as refused:
            bad.append(f"{file.locator}: {refused.what}")
    if bad:
        raise UsageError("files of the public folder can't be used", do="mend them or take them out", details=bad)
    if not images:
        raise UsageError("the public folder holds no image", do="put PNG, DICOM or .npz files into it")
    return np.stack(images)


def _plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _values(folder: Path, file: FoundFile, source: ImageSource) -> Iterator[ImageValues]:
    path = folder / file.locator
    if file.kind is Kind.NPZ:
        for index in range(sum(read_npz_header(path).counts)):
            yield source.read(f"{path}#{index}")
    elif path.suffix.lower() == ".png":
        yield _png(path)
    else:
        yield source.read(str(path))


def _png(path: Path) -> ImageValues:
    """Returns the levels of a PNG, coloured ones turned grey."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            deep = image.mode.startswith("I")
            levels = np.asarray(image if deep else image.convert("L"), dtype=np.float32)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow raises all of these
        raise ScanRefused("unreadable") from None
    return ImageValues(levels, (0.0, 65535.0 if deep else 255.0))


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
