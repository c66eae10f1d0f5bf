"""Many images on one sheet: people would rather look than read."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medsyngen.scan import Pixels

CAPTION_HEIGHT = 22


def contact_sheet(pixels: Pixels, columns: int, *, scale: int = 2, caption: str | None = None) -> Image.Image:
    """Lays images out in rows.

    Args:
        pixels: float32 in [-1, 1], (count, 1, height, width), at least one.
        columns: Images a row.
        scale: Screen pixels an image pixel.
        caption: Written over the sheet, for instance SYNTHETIC.

    Returns:
        An 8-bit grey picture; save it as PNG.
    """
    if len(pixels) == 0 or pixels.ndim != 4 or pixels.shape[1] != 1:
        raise ValueError(f"a sheet needs images of shape (count, 1, height, width), got {pixels.shape}")
    count, _, height, width = pixels.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), 64, np.uint8)
    grey = np.round((np.clip(pixels[:, 0], -1, 1) + 1) * 127.5).astype(np.uint8)
    for i, image in enumerate(grey):
        top, left = 1 + i // columns * (height + 1), 1 + i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image
    picture = Image.fromarray(sheet.repeat(scale, 0).repeat(scale, 1))
    if caption is None:
        return picture
    framed = Image.new("L", (picture.width, picture.height + CAPTION_HEIGHT), 255)
    framed.paste(picture, (0, CAPTION_HEIGHT))
    ImageDraw.Draw(framed).text((6, 4), caption, fill=0, font=ImageFont.load_default(14))
    return framed
