"""``medsyngen phantoms draw``: a sheet of pictures, the same for the same seed."""

from __future__ import annotations

import pytest
from PIL import Image


def test_a_sheet_of_named_phantoms(cli, tmp_path):
    sheet = tmp_path / "sheet.png"
    done = cli("phantoms", "draw", "dead_leaves", "--count", 6, "--size", 16, "--sheet", sheet, "--json")
    assert done.code == 0, done.err
    assert done.json["phantoms"] == ["dead_leaves"]
    with Image.open(sheet) as image:
        assert image.width >= 6 * 16
        assert len(set(image.convert("L").get_flattened_data())) > 10


def test_all_draws_every_phantom(cli, tmp_path):
    from medsyngen.phantoms.catalogue import PHANTOMS

    done = cli("phantoms", "draw", "--all", "--count", 2, "--size", 16, "--sheet", tmp_path / "sheet.png", "--json")
    assert done.json["phantoms"] == list(PHANTOMS)


def test_the_seed_decides(cli, tmp_path):
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        sheet = tmp_path / f"{name}.png"
        cli("phantoms", "draw", "dead_leaves", "--count", 2, "--size", 16, "--sheet", sheet, "--seed", seed)
        drawn.append(sheet.read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("names", "words"), [([], "--all"), (["dead_leafs"], "dead_leaves")])
def test_an_unknown_or_missing_name_is_refused_with_the_known_ones(cli, tmp_path, names, words):
    done = cli("phantoms", "draw", *names, "--sheet", tmp_path / "sheet.png")
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not list(tmp_path.glob("*.png"))


def test_a_sheet_that_cannot_be_written_is_a_usage_error(cli, tmp_path):
    done = cli("phantoms", "draw", "dead_leaves", "--count", 1, "--size", 16, "--sheet", tmp_path / "no" / "sheet.png")
    assert done.code == 2
    assert "can't be written" in done.err
