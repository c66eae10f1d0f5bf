"""Scans in a zip: every member read where it lies or refused with its reason, none ever put on the disk by name."""

import contextlib
import io
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.formats.archive import as_file, is_archive, members, open_scan, split_address
from medsyngen.formats.dicom_pixels import read_pixels
from medsyngen.formats.locator import ImageSource
from medsyngen.formats.refusal import ScanRefused

PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)


def pack(path, contents, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name) if more.get("plain") else name, content)
    return path


def problems(path):
    return {member.name: member.problem for member in members(path)}


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.dcm", "a/../../up.dcm", "a//b.dcm", "./a.dcm", "a\\..\\b.dcm"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    path = pack(tmp_path / "a.zip", {name: b"x", "good.dcm": b"y"})
    found = problems(path)
    assert found.pop("good.dcm") == ""
    assert list(found.values()) == ["archive-name"]
    with pytest.raises(ScanRefused):
        open_scan(Path(f"{path}!{name}")).read()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_nobodys(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for content in ("1", "2"):
            archive.writestr("twice", content)
        archive.writestr("once", "3")
    assert [(m.name, m.problem) for m in members(tmp_path / "a.zip")] == [
        ("once", ""),
        ("twice", "archive-name"),
        ("twice", "archive-name"),
    ]


def test_links_encryption_and_other_methods_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        pipe = zipfile.ZipInfo("pipe")
        pipe.external_attr = (stat.S_IFIFO | 0o777) << 16
        archive.writestr(pipe, "")
        archive.writestr("small.lzma", "x", zipfile.ZIP_LZMA)
        archive.writestr("secret", "x")
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02", raw.rindex(b"small.lzma"))
    raw[at + 8] |= 1  # the flag of the list of members: encrypted
    path.write_bytes(raw)
    assert problems(path) == {
        "link": "link",
        "pipe": "unknown-format",
        "secret": "archive-encrypted",
        "small.lzma": "archive-method",
    }


def test_a_bomb_is_refused_before_anything_is_unpacked(tmp_path):
    path = pack(tmp_path / "a.zip", {"bomb.dcm": bytes(100 << 20), "fine.dcm": bytes(1 << 20)})
    assert path.stat().st_size < 1 << 20
    assert problems(path) == {"bomb.dcm": "too-large", "fine.dcm": ""}
    with pytest.raises(ScanRefused, match="larger"):
        open_scan(tmp_path / "a.zip!bomb.dcm")


def test_a_member_never_gives_more_than_its_list_says(tmp_path):
    path = pack(tmp_path / "a.zip", {"lies": bytes(range(256)) * 4096})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 1000)  # claims 1000 bytes, holds a million
    path.write_bytes(raw)
    with open_scan(tmp_path / "a.zip!lies") as file, contextlib.suppress(OSError):  # the checksum may tell
        assert len(file.read()) <= 1000


def test_a_list_that_claims_millions_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", {"a": b"1"})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x05\x06")
    raw[at + 12 : at + 16] = struct.pack("<I", 200 << 20)
    path.write_bytes(raw)
    with pytest.raises(ScanRefused, match="so many members"):
        list(members(path))


@given(st.binary(max_size=400))
@settings(max_examples=10, deadline=None)
def test_no_damage_escapes(tmp_path_factory, junk):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    for content in (b"PK\x03\x04" + junk, pack(path, {"a": b"text" * 50}).read_bytes()[: len(junk)] + junk):
        path.write_bytes(content)
        with contextlib.suppress(ScanRefused, OSError):
            for member in members(path):
                open_scan(Path(f"{path}!{member.name}")).read()


def test_the_pixels_of_a_member_are_those_of_the_file(tmp_path, make_dicom):
    plain = make_dicom(tmp_path / "plain.dcm", PIXELS)
    pack(tmp_path / "a.zip", {"deep/er/1.dcm": plain.read_bytes()})
    address = tmp_path / "a.zip!deep/er/1.dcm"
    assert (ImageSource().read(str(address)).pixels == read_pixels(plain).pixels).all()
    before = set(tmp_path.rglob("*"))
    with as_file(address) as path:
        assert path.read_bytes() == plain.read_bytes()
        assert set(tmp_path.rglob("*")) == before  # nothing was written beside
    with as_file(plain) as path:
        assert path == plain


@given(
    st.binary(min_size=1, max_size=3000), st.lists(st.tuples(st.integers(-40, 3100), st.integers(0, 700)), max_size=8)
)
def test_a_member_reads_like_a_file(tmp_path_factory, content, moves):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    pack(path, {"m": content})
    oracle = io.BytesIO(content)
    with open_scan(path.with_name("a.zip!m")) as file:
        for place, count in moves:
            for each in (file, oracle):
                each.seek(place) if place >= 0 else each.seek(max(0, len(content) + place))
            assert file.read(count) == oracle.read(count)
            assert file.tell() == oracle.tell()


def test_addresses(tmp_path):
    (tmp_path / "wow!").mkdir()
    archive = pack(tmp_path / "wow!" / "a!b.zip", {"x!y": b"1"})
    assert split_address(archive.with_name("a!b.zip!x!y")) == (archive, "x!y")
    assert split_address(tmp_path / "no!where") == (None, "")
    with pytest.raises(FileNotFoundError):
        open_scan(tmp_path / "no!where")
    assert is_archive(archive.read_bytes())
    assert not is_archive(b"PK\x07\x08")
