"""A cohort in a file: as in memory, never decoded twice, its owner's only, flat in memory, whole or found out."""

import json
import os
import stat
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort import kept_pixels
from medsyngen.cohort.pixel_cache import PixelCache, ScanImages, cohort_in_memory
from medsyngen.cohort.plans import Plan
from medsyngen.errors import MedsyngenError
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey

SHAPE = (1, 4, 4)


def scans(owners, shape=SHAPE, kind=np.float32):
    """One scan for each owner, of 0 to 2 images (none: refused); every image is told apart by its number."""
    made = []
    for i, (owner, count) in enumerate(owners):
        images = np.stack([np.full(shape, i + j / 10, kind) for j in range(count)]) if count else np.empty((0,), kind)
        refused = None if count else ScanRefused("flat")
        made.append(ScanImages(PatientKey(f"p{owner}"), images, i % 3, f"{i:064x}", bytes([i]), refused))
    return made


def plan(given_scans, digest="of all"):
    return Plan(tuple(scan.key for scan in given_scans), digest)


def rooms(given_scans, more=0):
    count = Counter({scan.patient: more for scan in given_scans})
    for scan in given_scans:
        count[scan.patient] += len(scan.images)
    return count


def keep(folder, given_scans, digest="of all", stream=None):
    cache = PixelCache(folder, plan(given_scans, digest))
    return cache.cohort(iter(given_scans) if stream is None else stream, rooms(given_scans, 1))


def assert_same(a, b):
    assert list(a) == list(b)
    for patient in a:
        np.testing.assert_array_equal(a[patient].pixels, b[patient].pixels)
        np.testing.assert_array_equal(a[patient].classes, b[patient].classes)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=20))
def test_in_a_file_it_is_what_it_is_in_memory(tmp_path_factory, owners):
    folder, given_scans = tmp_path_factory.mktemp("cache"), scans(owners)
    first = keep(folder, given_scans)
    assert_same(cohort_in_memory(given_scans), first)
    again = PixelCache(folder, plan(given_scans))
    found = [again.find(scan.key) for scan in given_scans]
    if not len(first):
        assert found == [None] * len(given_scans)
        return
    for scan, kept in zip(given_scans, found, strict=True):
        assert (kept.digest, kept.refused and kept.refused.reason) == (
            (scan.digest, None) if len(scan.images) else (b"", "flat")
        )
    stream = [replace(s, images=k.images, digest=k.digest) for s, k in zip(given_scans, found, strict=True)]
    before = listing(folder)
    assert_same(first, again.cohort(iter(stream), rooms(given_scans, 1)))
    assert listing(folder) == before  # nothing was written


def listing(folder):
    return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.rglob("*")}


def test_what_did_not_change_is_taken_over_and_one_copy_is_left(tmp_path):
    old = scans([(0, 1), (1, 2), (2, 1)])
    keep(tmp_path, old)
    new = [replace(old[2]), replace(old[1], key="f" * 64), replace(old[0])]  # another order, and one file changed
    cache = PixelCache(tmp_path, plan(new, "another"))
    assert [cache.find(scan.key) is not None for scan in new] == [True, False, True]
    np.testing.assert_array_equal(cache.find(new[0].key).images, new[0].images)
    assert_same(cohort_in_memory(new), cache.cohort(iter(new), rooms(new)))
    assert len(list(tmp_path.iterdir())) == 1


def test_an_interrupted_reading_is_gone_on_with(tmp_path):
    given_scans = scans([(0, 1), (0, 0), (1, 2), (2, 1)])

    def interrupted():
        yield from given_scans[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep(tmp_path, given_scans, stream=interrupted())
    again = PixelCache(tmp_path, plan(given_scans))
    assert [again.find(scan.key) is not None for scan in given_scans] == [True, False, True, False]
    with (next(tmp_path.iterdir()) / "entries.jsonl").open("a") as file:
        file.write('{"key":"cut off')
    assert PixelCache(tmp_path, plan(given_scans)).find(given_scans[2].key) is not None


def test_crashes_on_end_do_not_fill_the_disk(tmp_path):
    given_scans = scans([(0, 1), (1, 1)])

    def crash():
        yield given_scans[0]
        raise OSError("gone")

    for _ in range(6):
        with pytest.raises(OSError, match="gone"):
            keep(tmp_path, given_scans, stream=crash())
    assert len(list(tmp_path.iterdir())) <= 3


@pytest.mark.parametrize("harm", ["pixel", "short", "list", "header", "none"])
def test_damage_is_found_out_and_decoded_again(tmp_path, harm):
    given_scans = scans([(0, 1), (1, 1), (2, 2)])
    keep(tmp_path, given_scans)
    (generation,) = tmp_path.iterdir()
    pixels, entries = generation / "pixels.npy", generation / "entries.jsonl"
    if harm == "pixel":
        raw = bytearray(pixels.read_bytes())
        raw[-8 - 4 * 16] ^= 1  # the last image; behind it is the room that nobody took
        pixels.write_bytes(raw)
    elif harm == "short":
        pixels.write_bytes(pixels.read_bytes()[:-200])
    elif harm == "header":
        pixels.write_bytes(b"\x93NUMPZ" + pixels.read_bytes()[6:])
    elif harm == "list":
        lines = [json.loads(line) for line in entries.read_text().splitlines()]
        lines[0]["first"] = 10**6
        entries.write_text("\n".join(map(json.dumps, lines)))
    cache = PixelCache(tmp_path, plan(given_scans))
    found = [cache.find(scan.key) is not None for scan in given_scans]
    expected = {"pixel": [True, True, False], "list": [False, True, True], "none": [True] * 3}
    assert found == expected.get(harm, [False] * 3)
    assert_same(cohort_in_memory(given_scans), keep(tmp_path, given_scans))
    assert PixelCache(tmp_path, plan(given_scans)).find(given_scans[2].key) is not None


def test_a_refusal_that_may_not_come_again_is_tried_again(tmp_path):
    given_scans = scans([(0, 1), (1, 0)])
    for reason, kept in (("flat", True), ("too-slow", False), ("reader-died", False)):
        given_scans[1] = replace(given_scans[1], refused=ScanRefused(reason), key=reason)
        keep(tmp_path, given_scans, digest=reason)
        cache = PixelCache(tmp_path, plan(given_scans, reason))
        assert (cache.find(given_scans[1].key) is not None) == kept
        assert cache.find(given_scans[0].key) is not None


def test_training_can_take_scans_of_it_and_nobody_can_write_to_it(tmp_path):
    record = keep(tmp_path, scans([(0, 1), (1, 1), (0, 2)]))[PatientKey("p0")]
    assert torch.from_numpy(record.pixels[np.array([2, 0])]).flatten(1)[:, 0].tolist() == pytest.approx([2.1, 0.0])
    with pytest.raises(ValueError, match="read-only"):
        record.pixels[0] = 0


def test_the_files_are_their_owner_s_and_tell_no_name(tmp_path):
    old = os.umask(0)
    try:
        keep(tmp_path, scans([(0, 1), (1, 2)]))
    finally:
        os.umask(old)
    (generation,) = tmp_path.iterdir()
    assert stat.S_IMODE(generation.stat().st_mode) == 0o700
    assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in generation.iterdir()} == {
        "pixels.npy": 0o600,
        "entries.jsonl": 0o600,
    }
    assert np.load(generation / "pixels.npy", mmap_mode="r").shape == (5, *SHAPE)  # one room of each was not taken
    told = [json.loads(line) for line in (generation / "entries.jsonl").read_text().splitlines()]
    assert {name for line in told for name in line} == {
        "key", "first", "count", "checksum", "digest", "refused", "plan"
    }  # fmt: skip
    assert b"p0" not in (generation / "entries.jsonl").read_bytes()


def peak(count: int, keeping) -> int:
    owners = [PatientKey(f"p{i // 2}") for i in range(count)]
    keys = tuple(f"{i:064x}" for i in range(count))
    stream = (
        ScanImages(owner, np.full((1, 1, 64, 64), i, np.float32), 0, keys[i], b"") for i, owner in enumerate(owners)
    )
    tracemalloc.start()
    try:
        cohort = keeping(stream, Plan(keys, "x"), Counter(owners))
        assert sum(float(cohort[p].pixels[np.array([0, 1])].mean()) for p in cohort) > 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_pixels(tmp_path):
    more = (2000 - 200) * 64 * 64 * 4

    def on_disk(stream, of, room):
        return PixelCache(tmp_path, of).cohort(stream, room)

    def in_memory(stream, of, room):
        return cohort_in_memory(stream)

    assert peak(2000, on_disk) - peak(200, on_disk) < 0.05 * more  # keys and classes
    assert peak(2000, in_memory) - peak(200, in_memory) > 0.9 * more  # the same scans in memory: the measure can fail


@pytest.mark.parametrize("fault", ["room", "map", "folder"])
def test_a_full_disk_is_told_without_any_path(tmp_path, monkeypatch, fault):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "secret/path")

    folder = tmp_path
    if fault == "room":
        monkeypatch.setattr(kept_pixels, "reserve", full)
    elif fault == "map":
        monkeypatch.setattr(np, "load", full)
    else:
        folder = tmp_path / "secret"
    with pytest.raises(MedsyngenError, match="nothing was charged") as caught:
        keep(folder, scans([(0, 1)]))
    assert "secret" not in f"{caught.value.what} {caught.value.do} {caught.value.details}"


@pytest.mark.parametrize("wrong", ["shape", "kind", "room"])
def test_what_does_not_fit_is_refused(tmp_path, wrong):
    good, bad = scans([(0, 1), (0, 1)])
    images = {"shape": bad.images[:, :, :2], "kind": bad.images.astype(np.float64), "room": bad.images}[wrong]
    cache = PixelCache(tmp_path, plan([good, bad]))
    with pytest.raises(ValueError, match="room" if wrong == "room" else "one shape"):
        cache.cohort(iter([good, replace(bad, images=images)]), {good.patient: 1 if wrong == "room" else 2})
