"""The gallery of phantoms shows today's: a raised version or a changed picture without `make gallery` fails."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsyngen.formats.contact_sheet import CAPTION_HEIGHT
from medsyngen.phantoms import catalogue
from medsyngen.phantoms.catalogue import PHANTOMS
from tests.benchmarks import gallery

REDRAW = "run `make gallery`; if pictures changed, the phantom's version must have been raised"


def section(name: str, page: str | None = None) -> str:
    """The part of the page under a phantom's own heading."""
    found = re.search(rf"(?ms)^## {name}\n(.*?)(?=^## |\Z)", page or gallery.PAGE.read_text("utf-8"))
    assert found, f"docs/reference/phantoms.md has no heading for {name}"
    return found[1]


def greys(path: Path) -> np.ndarray:
    """The pictures of a sheet without its caption, whose letters depend on the font."""
    with Image.open(path) as sheet:
        return np.asarray(sheet, np.float64)[CAPTION_HEIGHT:]


@pytest.mark.parametrize("name", PHANTOMS)
def test_a_phantom_stands_on_the_page_as_it_is_today(name: str) -> None:
    text = section(name)
    assert gallery.facts(PHANTOMS[name]) in text, REDRAW
    assert f"](../images/phantoms/{name}.png)" in text
    assert f"```sh\n{gallery.command(name)}\n```" in text
    for words in ("*texture:*", "*acquisition:*", "From: "):
        assert words in text
    assert f"[{name}](#{name})" in gallery.PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", PHANTOMS)
def test_the_picture_is_what_its_command_draws(name: str, tmp_path: Path) -> None:
    kept, now = greys(gallery.PICTURES / f"{name}.png"), greys(gallery.drawn(name, tmp_path / "now.png"))
    assert kept.shape == now.shape, REDRAW
    # Another processor rounds otherwise; other pictures differ by tens of grey levels.
    assert np.abs(kept - now).mean() < 0.5, REDRAW


def test_page_and_pictures_hold_no_other_phantom_and_stay_small() -> None:
    assert set(re.findall(r"(?m)^## (\w+)$", gallery.PAGE.read_text("utf-8"))) == set(PHANTOMS)
    pictures = list(gallery.PICTURES.iterdir())
    assert {path.name for path in pictures} == {f"{name}.png" for name in PHANTOMS}
    assert sum(path.stat().st_size for path in pictures) < 1_000_000


def test_a_raised_version_is_noticed_and_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = replace(PHANTOMS["speckle"], version=PHANTOMS["speckle"].version + 1)
    page = gallery.PAGE.read_text("utf-8")
    assert gallery.facts(raised) not in section("speckle", page)
    monkeypatch.setitem(catalogue.PHANTOMS, "speckle", raised)
    assert gallery.facts(raised) in section("speckle", gallery.renewed(page))
    assert section("voronoi", gallery.renewed(page)) == section("voronoi", page)


def test_other_pictures_are_noticed(tmp_path: Path) -> None:
    one, other = gallery.drawn("power_law", tmp_path / "a.png"), tmp_path / "b.png"
    gallery.draw(other, ["power_law"], everything=False, count=gallery.COUNT, size=gallery.SIZE, seed=1)
    assert np.abs(greys(one) - greys(other)).mean() > 10
