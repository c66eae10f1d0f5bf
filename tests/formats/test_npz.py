import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.formats import npz
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.npz import NpzImages, is_npz, read_npz_header
from medsyngen.formats.refusal import ScanRefused

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)


def refusal(path):
    with pytest.raises(ScanRefused) as refused:
        ImageSource().read(f"{path}#0")
    return refused.value.reason


def test_flat_layout(tmp_path):
    path = tmp_path / "a.npz"
    ids = np.array(["p1 ", "p1", "p2", "p3", ""])
    names = np.array([f"file_{i}.jpeg" for i in range(5)])
    np.savez(path, images=IMAGES, label=np.arange(5), patient_id=ids, filename=names)
    header = read_npz_header(path)
    assert is_npz(path)
    assert header.patient_ids == ("p1", "p1", "p2", "p3", "")
    assert header.labels == ("0", "1", "2", "3", "4")
    assert {"p1", "file_3.jpeg"} <= header.identifying
    assert "p1" not in repr(header)
    assert header.bits == (8,)
    images = NpzImages(path)
    for index in (4, 0, 2):
        np.testing.assert_array_equal(images.read(index).pixels, IMAGES[index])
    assert images.read(0).value_range == (0.0, 255.0)
    with pytest.raises(ScanRefused):
        images.read(5)


def test_medmnist_layout_is_one_run(tmp_path):
    path = tmp_path / "m.npz"
    parts = {"train": IMAGES[:2], "val": IMAGES[2:3], "test": IMAGES[3:]}
    arrays = {f"{name}_images": part for name, part in parts.items()}
    arrays |= {f"{name}_labels": np.full((len(part), 1), i) for i, (name, part) in enumerate(parts.items())}
    np.savez_compressed(path, **arrays)
    header = read_npz_header(path)
    assert header.patient_ids is None
    assert header.labels == ("0", "0", "1", "2", "2")
    images = NpzImages(path)
    for index in range(5):
        np.testing.assert_array_equal(images.read(index).pixels, IMAGES[index])


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.float32, np.float64, ">u2"]),
    count=st.integers(1, 4),
    last=st.booleans(),
    order=st.sampled_from("CF"),
    seed=st.integers(0, 2**32 - 1),
)
def test_values_come_back(tmp_path_factory, kind, count, last, order, seed):
    dtype = np.dtype(kind)
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    rng = np.random.default_rng(seed)
    if dtype.kind == "f":
        images = rng.normal(size=(count, 3, 2)).astype(dtype)
        limits = None
    else:
        limits = (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
        images = rng.integers(int(limits[0]), int(limits[1]), (count, 3, 2), endpoint=True).astype(dtype)
    np.savez(path, images=np.asarray(images[..., None] if last else images, order=order))
    for index in range(count):
        image = ImageSource().read(f"{path}#{index}")
        assert image.value_range == limits
        np.testing.assert_array_equal(image.pixels, images[index].astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"images": np.zeros((2, 4, 4, 3), np.uint8)}, "coloured"),
        ({"images": np.zeros((2, 4), np.uint8)}, "npz-layout"),
        ({"images": np.zeros((2, 4, 4), np.int64)}, "bit-depth"),
        ({"images": np.zeros((2, 0, 4), np.uint8)}, "not-an-image"),
        ({"pictures": IMAGES}, "npz-layout"),
        ({"images": IMAGES, "label": np.zeros(4)}, "npz-layout"),
        ({"images": IMAGES, "patient_id": np.array(["a"])}, "npz-layout"),
        ({"images": np.array([[[np.nan]]], np.float32)}, "non-finite"),
        ({"images": np.array([[[object()]]])}, "npz-layout"),
    ],
)
def test_refusals(tmp_path, arrays, expected):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    assert refusal(path) == expected


def forged(path, shape, body=b""):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.getvalue() + body)
    return path


def test_claims_are_checked_before_memory_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(npz.np, "frombuffer", lambda *args, **kwargs: pytest.fail("asked for the memory"))
    assert refusal(forged(tmp_path / "a.npz", (1 << 20, 16000, 16000))) == "truncated"
    assert refusal(forged(tmp_path / "b.npz", (1, 20000, 4), bytes(80_000))) == "too-large"
    assert refusal(forged(tmp_path / "c.npz", (1000, 1000, 1000), b"few bytes")) == "truncated"
    assert refusal(forged(tmp_path / "d.npz", (npz.MOST_IMAGES + 1, 1, 1), bytes(npz.MOST_IMAGES + 1))) == "too-large"


def test_a_large_array_is_read_image_by_image(tmp_path, monkeypatch):
    images = np.arange(50 * 8 * 9, dtype=np.uint16).reshape(50, 8, 9)
    np.savez_compressed(tmp_path / "a.npz", images=images)
    np.savez_compressed(tmp_path / "fortran.npz", images=np.asfortranarray(images))
    monkeypatch.setattr(npz, "_KEPT_BYTES", 100)
    for name in ("a.npz", "fortran.npz"):
        reader = NpzImages(tmp_path / name)
        for index in (0, 1, 7, 49, 3):  # back again, too
            np.testing.assert_array_equal(reader.read(index).pixels, images[index])


def test_pickles_are_never_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, patient_id=np.array([Evil()] * 5, dtype=object))
    assert refusal(path) == "npz-layout"


def test_broken_archives(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES)
    whole = path.read_bytes()
    for broken in (whole[:-30], b"PK\x03\x04" + bytes(40), whole[:60] + b"\xff" * 30 + whole[90:]):
        path.write_bytes(broken)
        assert refusal(path) in ("unreadable", "npz-layout")
    path.write_text("text")
    assert not is_npz(path)
