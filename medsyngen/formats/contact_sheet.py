"""Many images on one sheet: people would rather look than read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medsyngen.scan import Pixels

CAPTION_HEIGHT = 22
_GAP = 3


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


def labelled_sheet(
    tiles: Sequence[tuple[str, NDArray[np.uint8]]], columns: int, *, caption: str, marked: Collection[str] = ()
) -> Image.Image:
    """Lays small pictures out in rows, each over its own label.

    Args:
        tiles: Label and picture, uint8, (side, side), all of one side; at least one.
        columns: Pictures a row.
        caption: Written over the sheet.
        marked: Labels that are shown white on black, with a frame around their picture.

    Returns:
        An 8-bit grey picture; save it as PNG.
    """
    if not tiles:
        raise ValueError("a sheet needs pictures")
    side = tiles[0][1].shape[0]
    columns = min(columns, len(tiles))
    width, height = side + 2 * _GAP, side + 2 * _GAP + CAPTION_HEIGHT
    least = round(ImageFont.load_default(14).getlength(caption)) + 12
    sheet = Image.new("L", (max(columns * width, least), -(-len(tiles) // columns) * height + CAPTION_HEIGHT), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((6, 4), caption, fill=0, font=ImageFont.load_default(14))
    for number, (label, picture) in enumerate(tiles):
        left, top = number % columns * width + _GAP, number // columns * height + _GAP + CAPTION_HEIGHT
        if label in marked:
            box = (left - _GAP, top - _GAP, left + side + _GAP - 1, top + side + CAPTION_HEIGHT - _GAP)
            draw.rectangle(box, fill=0)
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.text((left + 2, top + side + 2), label, fill=255 if label in marked else 0, font=font)
    return sheet
