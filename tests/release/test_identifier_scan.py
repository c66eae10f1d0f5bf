"""The search finds what a naive search finds, and no number inside a hash."""

import hashlib
import re
import time
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.formats.dicom_templates import ImageFacts, SyntheticIdentity
from medsyngen.formats.dicom_write import write_dicom
from medsyngen.formats.png import write_png
from medsyngen.release.identifier_scan import _CHUNK, IdentifierScan
from medsyngen.release.plain_text import readable

WORDS = st.text(alphabet="aAbXyz^- ", min_size=6, max_size=12).filter(
    lambda s: len(s.strip()) >= 6 and "x" in s.lower()
)


def found(identifiers, data):
    return set(IdentifierScan(identifiers).find(data))


@given(words=st.sets(WORDS, min_size=1, max_size=5), noise=st.lists(st.binary(max_size=20), max_size=6), data=st.data())
def test_finds_what_a_naive_search_finds(words, noise, data):
    parts = [*noise, *(data.draw(st.sampled_from(sorted(words))).swapcase().encode() for _ in range(2))]
    text = b"".join(data.draw(st.permutations(parts)))
    assert found(words, text) == {word for word in words if word.strip().lower().encode() in text.lower()}


@given(seed=st.integers(0, 2**64), start=st.integers(0, 57), length=st.integers(6, 20))
def test_a_number_inside_a_hash_is_no_identifier(seed, start, length):
    digest = hashlib.sha256(str(seed).encode()).hexdigest()
    number = digest[start : start + length]
    if number != digest:
        assert not found({number}, f'"sha256": "{digest}"'.encode())
    assert found({number}, f'"record": "{number}"'.encode()) == {number}


@given(value=st.uuids(), start=st.integers(0, 30), length=st.integers(6, 12))
def test_a_number_inside_a_fresh_uid_is_no_identifier(value, start, length):
    uid = f"2.25.{value.int}"
    number = str(value.int)[start : start + length]
    if len(number) >= 6 and number != str(value.int):
        assert not found({number}, uid.encode())


@given(value=st.floats(0, 1e6), length=st.integers(6, 10))
def test_the_digits_of_a_float_are_no_identifier(value, length):
    text = repr(value)
    for number in re.findall(r"\.(\d{6,})", text):
        assert not found({number[:length]}, f"[{text}, 1]".encode())


def test_whole_tokens():
    text = b"id=123456; 123456. x_123456-7 (123456)"
    assert len(list(IdentifierScan({"123456"}).find(text))) == 4
    for joined in (b"1234567", b"0.123456", b"123456.5", b"a123456", b"123456z", b" .123456"):
        assert not found({"123456"}, joined), joined
    assert found({"12.3456"}, b"x 12.3456 y")
    assert not found({"12.3456"}, b"112.3456")
    assert found({"123456"}, b"/scans/123456.dcm")
    assert found({"1.2.3.4.5"}, b"0.1.2.3.4.5.6")  # a UID counts anywhere
    assert found({"p123456"}, b"xp1234567")


def test_short_identifiers_are_left_out_and_blank_edges_too():
    assert not found({"12345", "Bob", "   Bo   "}, b"12345 Bob Bo    ")
    assert found({" Doe^Jane "}, b"doe^jane") == {" Doe^Jane "}


def test_nothing_to_find():
    for data in (b"", b"x", b"12345", b"123456"):
        assert not found(set(), data)
        assert not found({"Doe^Jane"}, data)


def test_matches_across_the_borders_of_the_search_window():
    for shift in range(-12, 3):
        text = b"." * (_CHUNK + shift) + b"Doe^Jane"
        assert list(IdentifierScan({"Doe^Jane"}).find(text)) == ["Doe^Jane"]


def test_grey_levels_are_kept_apart(tmp_path):
    dark = np.full((8, 8), ord("3") / 127.5 - 1, dtype=np.float32)
    facts = ImageFacts("CHEST", "PA", None, 8, "", "", "")
    write_dicom(tmp_path / "a.dcm", dark, identity=SyntheticIdentity.fresh("SYN-1"), facts=facts)
    write_png(tmp_path / "a.png", dark)
    for name in ("a.dcm", "a.png"):
        data = (tmp_path / name).read_bytes()
        parts = list(readable(data))
        pictures = [part.data for part in parts if part.picture]
        assert len(pictures) == 1
        assert not any(pictures[0] in part.data for part in parts if not part.picture)
        assert any(b"SYN" in part.data.upper() for part in parts if not part.picture)
    assert b"3" * 64 in (tmp_path / "a.dcm").read_bytes()  # a record number by chance, were it text


def test_identifiers_do_not_show():
    assert "Jane" not in repr(IdentifierScan({"Doe^Jane"}))


def test_speed_is_told():
    rng = np.random.default_rng(0)
    numbers = {f"{number:08d}" for number in rng.integers(0, 10**8, 8000)}
    uids = {f"1.2.840.113619.{number}" for number in rng.integers(0, 10**12, 7000)}
    scan = IdentifierScan(numbers | uids)
    data = b" ".join(f"2.25.{uuid.uuid4().int}".encode() for _ in range(50_000)) + rng.bytes(1 << 21)
    start = time.perf_counter()
    hits = sum(1 for _ in scan.find(data))
    print(f"{len(data) / 1e6:.1f} MB against 15,000 identifiers in {time.perf_counter() - start:.2f} s")
    assert hits == 0


@pytest.mark.parametrize(("text", "data"), [("name\udcff of bytes", b"a name\xff of bytes"), ("half \ud800 pair", b"")])
def test_a_text_that_is_no_utf8_breaks_nothing_and_is_found_as_bytes(text, data):
    assert bool(found([text], data)) is bool(data)
