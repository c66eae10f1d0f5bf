"""Grey PNG files of synthetic images, marked as such, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from medsyngen.scan import Pixels

XMP_KEYWORD: Final = "XML:com.adobe.xmp"
XMP: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><Iptc4xmpExt:DigitalSourceType>'
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)
"""What programs for pictures read: Digital Source Type of IPTC, a picture that an algorithm made."""


def write_png(path: Path, pixels: Pixels, *, bits: Literal[8, 16] = 8) -> None:
    """Writes one image: level = round((x + 1) / 2 · (2^bits - 1)).

    The text chunk ``Synthetic`` says YES, and so does IPTC's Digital Source Type in XMP; there is no time, no name,
    nothing else. The same pixels give the same bytes.

    Args:
        path: The file to write.
        pixels: float32 in [-1, 1] (clipped), shape (row, column) or (1, row, column).
        bits: Depth, 8 or 16.

    Raises:
        ValueError: If the shape or a value isn't that of one grey image.
    """
    image = pixels[0] if pixels.ndim == 3 and len(pixels) == 1 else pixels
    if image.ndim != 2 or not np.isfinite(image).all():
        raise ValueError(f"one grey image of finite numbers is needed, got shape {pixels.shape}")
    top = 2**bits - 1
    levels = np.rint((np.clip(image.astype(np.float64), -1.0, 1.0) + 1.0) * (top / 2))
    mark = PngInfo()
    mark.add_text("Synthetic", "YES")
    mark.add_itxt(XMP_KEYWORD, XMP)
    Image.fromarray(levels.astype(np.uint8 if bits == 8 else np.uint16)).save(path, format="PNG", pnginfo=mark)


def read_png(path: Path) -> Pixels:
    """Reads a PNG of :func:`write_png`.

    Args:
        path: The file.

    Returns:
        float32 in [-1, 1], shape (row, column).

    Raises:
        ValueError: If it isn't a grey PNG of 8 or 16 bits.
    """
    with Image.open(path, formats=["PNG"]) as image:
        if image.mode not in ("L", "I;16"):
            raise ValueError("not a grey PNG of 8 or 16 bits")
        top = 255 if image.mode == "L" else 65535
        levels = np.asarray(image, dtype=np.float64)
    return (levels * (2.0 / top) - 1.0).astype(np.float32)
