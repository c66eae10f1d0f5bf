"""The sheet of an export shows what left, and its absence fails nothing."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from medsyngen.pipeline.export_preview import COLUMNS, MOST, FirstImages, write_export_preview
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.synthesis.synthesizer import Draws


def batches(*sizes, shape=(8, 8)):
    rng = np.random.default_rng(0)
    for n in sizes:
        yield Draws(rng.uniform(-1, 1, (n, 1, *shape)).astype(np.float32), ("",) * n)


def test_it_shows_the_first_images_as_they_passed_and_passes_all_on():
    first = FirstImages()
    passed = list(first.watch(batches(40, 40, 40)))
    assert [len(draws) for draws in passed] == [40, 40, 40]
    whole = np.concatenate([draws.pixels for draws in passed])
    sheet = np.asarray(Image.open(io.BytesIO(first.sheet(120))))
    assert sheet.shape[1] == 2 * (COLUMNS * 9 + 1)
    for number in (0, 1, MOST - 1):
        top = sheet.shape[0] - 2 * (MOST // COLUMNS * 9 + 1) + 2 * (1 + number // COLUMNS * 9)
        left = 2 * (1 + number % COLUMNS * 9)
        shown = sheet[top : top + 16 : 2, left : left + 16 : 2]
        np.testing.assert_array_equal(shown, np.round((whole[number, 0] + 1) * 127.5))


def test_few_images_make_a_small_sheet_and_volumes_none():
    first = FirstImages()
    list(first.watch(batches(3)))
    assert Image.open(io.BytesIO(first.sheet(3))).size[0] == 2 * (3 * 9 + 1)
    volumes = FirstImages()
    list(volumes.watch(batches(2, shape=(4, 4, 4))))
    assert volumes.sheet(2) is None
    assert FirstImages().sheet(0) is None


def test_a_run_folder_that_can_not_be_written_fails_nothing(tmp_path):
    first = FirstImages()
    list(first.watch(batches(3)))
    write_export_preview(RunFolder(tmp_path / "gone"), first, 3)
    assert not (tmp_path / "gone").exists()
    (tmp_path / "run").mkdir()
    write_export_preview(RunFolder(tmp_path / "run"), first, 3)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["exported.png"]
