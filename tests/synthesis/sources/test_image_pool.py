"""A public folder as a source: drawn without replacement, varied by neighbours."""

import os
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medsyngen.errors import UsageError
from medsyngen.formats.png import write_png
from medsyngen.synthesis.embedding import EMBEDDINGS, embedded
from medsyngen.synthesis.sources.image_pool import ImagePool
from medsyngen.synthesis.variation import Population

COUNT = 12


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> ImagePool:
    folder = tmp_path_factory.mktemp("public")
    images = rng(1).uniform(-1, 1, (COUNT, 16, 16)).astype(np.float32)
    (folder / "some").mkdir()
    for i in range(4):
        write_png(folder / "some" / f"{i}.png", images[i], bits=16)
    np.savez(folder / "others.npz", images=images[4:])
    (folder / "README.txt").write_text("Public images.")
    return ImagePool(folder, 16, "the maintainers")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def numbers(pool: ImagePool, population: Population) -> list[int]:
    return [int(np.flatnonzero((pool.images == each).all((1, 2, 3)))[0]) for each in population.pixels]


def test_images_of_all_formats_are_read(pool):
    expected = rng(1).uniform(-1, 1, (COUNT, 16, 16)).astype(np.float32)
    order = [*range(4, COUNT), *range(4)]  # others.npz comes before some/
    np.testing.assert_allclose(pool.images[:, 0], expected[order], atol=2e-5)


@given(st.integers(0, 3 * COUNT), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_none_is_drawn_twice_before_all_were_drawn(pool, count, seed):
    drawn = pool.random(count, 1, rng(seed))
    times = np.bincount(numbers(pool, drawn), minlength=COUNT)
    assert len(drawn) == count
    assert times.max() - times.min() <= 1
    assert drawn.classes.tolist() == [1] * count


@given(st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_variation_is_among_the_nearest_and_keeps_its_class(pool, degree, seed):
    members = Population(rng(seed).uniform(-1, 1, (3, 1, 16, 16)).astype(np.float32), np.array([2, 0, 1]))
    varied = pool.vary(members, degree, rng(seed))
    assert varied.classes.tolist() == [2, 0, 1]
    rows, of_members = embedded("pixels", pool.images).astype(float), embedded("pixels", members.pixels).astype(float)
    for number, row in zip(numbers(pool, varied), of_members, strict=True):
        distances = np.square(rows - row).sum(1)
        assert (distances < distances[number] - 1e-9).sum() < max(1, int(np.ceil(degree * COUNT)))


def test_degree_0_changes_nothing_of_the_pool_and_degree_1_gives_any_image(pool):
    members = pool.random(6, 0, rng())
    np.testing.assert_array_equal(pool.vary(members, 0.0, rng()).pixels, members.pixels)
    one = Population(np.repeat(members.pixels[:1], 600, axis=0), np.zeros(600, np.int64))
    for degree, near in ((1.0, COUNT), (0.5, COUNT // 2)):
        found = np.bincount(numbers(pool, pool.vary(one, degree, rng())), minlength=COUNT)
        assert (found > 0).sum() == near
        assert found[found > 0].min() > 0.4 * 600 / near  # all of them equally likely


def test_windows_and_sizes_are_those_of_scans(tmp_path):
    Image.fromarray(np.full((8, 16), 255, np.uint8)).save(tmp_path / "wide.png")
    (image,) = ImagePool(tmp_path, 16, "us").images
    assert (image[0, 4:12] == 1).all()
    assert (image[0, :4] == -1).all()
    np.savez(tmp_path / "ct.npz", images=np.full((1, 16, 16), 40, np.int16))
    soft = ImagePool(tmp_path, 16, "us", window=(-160.0, 240.0))
    assert np.abs(soft.images[0]).max() < 1e-6


def test_pictures_of_the_web_are_read_in_grey(tmp_path):
    for name in ("a.png", "b.jpg"):
        Image.fromarray(np.full((16, 16, 3), 255, np.uint8)).save(tmp_path / name)
    assert (ImagePool(tmp_path, 16, "us").images > 0.99).all()


def test_every_bad_file_is_named(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    (tmp_path / "b.xyz").write_text("nothing known")
    np.savez(tmp_path / "c.npz", images=np.full((1, 16, 16), 3.0))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(UsageError, match="can't be used") as error:
        _ = ImagePool(tmp_path, 16, "us").images
    assert [line.split(":")[0] for line in error.value.details] == ["a.png", "b.xyz", "c.npz", "d.zip"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"attested_by": ""}, "nobody attests"),
        ({"embedding": "inception"}, "no embedding"),
        ({"folder": Path("nowhere")}, "whole path"),
        ({"window": (1.0, 0.0)}, "rising"),
    ],
)
def test_what_is_no_pool_is_refused(tmp_path, fields, why):
    with pytest.raises(UsageError, match=why):
        ImagePool(**{"folder": tmp_path, "size": 16, "attested_by": "us", **fields})


def test_an_empty_folder_and_a_wrong_degree_are_refused(pool, tmp_path):
    with pytest.raises(UsageError, match="no image"):
        ImagePool(tmp_path, 16, "us").random(1, 0, rng())
    with pytest.raises(ValueError, match="degree"):
        pool.vary(pool.random(1, 0, rng()), 1.5, rng())


def test_the_folder_is_looked_for_when_it_is_used(tmp_path):
    pool = ImagePool(tmp_path / "later", 16, "us")
    with pytest.raises(UsageError, match="not there"):
        pool.random(1, 0, rng())
    (tmp_path / "later").mkdir()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "later" / "a.png")
    assert len(pool.random(1, 0, rng())) == 1


def test_a_pipe_is_named_and_never_opened(tmp_path):
    """Opened, it would wait for somebody who writes, for ever: the alarm ends the test then."""
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "a.png")
    for name in ("b.png", "c.npz", "d.dcm"):
        os.mkfifo(tmp_path / name)
    usual = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("a pipe was opened"))
    signal.alarm(60)
    try:
        with pytest.raises(UsageError, match="can't be used") as error:
            _ = ImagePool(tmp_path, 16, "us").images
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, usual)
    assert [line.split(":")[0] for line in error.value.details] == ["b.png", "c.npz", "d.dcm"]


def test_an_embedding_that_fails_is_found_out_at_every_degree(pool, monkeypatch):
    """A rehearsal varies by the first degree only; were it 1, a later round would fail, after it was charged."""

    def fails(pixels):
        raise UsageError("an extra is not installed", do="install it")

    monkeypatch.setitem(EMBEDDINGS, "pixels", fails)
    fresh = ImagePool(pool.folder, 16, "us")
    for degree in (1.0, 0.5):
        with pytest.raises(UsageError, match="not installed"):
            fresh.vary(fresh.random(2, 0, rng()), degree, rng())
