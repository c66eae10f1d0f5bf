"""The chain of lines: every byte vouched for, torn lines dropped, nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.errors import MedsyngenError, UsageError, VerificationFailed
from medsyngen.privacy import chain as chain_module
from medsyngen.privacy.chain import ChainFile, canonical, line_hash, parse_chain


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with_lines = ChainFile.create(path, {"kind": "open", "epsilon": 8.0})
    for number in range(3):
        with_lines.append({"kind": "charge", "number": number, "share": 1e-05})
    with_lines.close()
    return path


def test_lines_hold_number_previous_hash_and_their_own_hash(path):
    lines = [json.loads(row) for row in path.read_text().splitlines()]
    assert [line["n"] for line in lines] == [0, 1, 2, 3]
    assert lines[0]["previous"] == "0" * 64
    assert [line["previous"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert all(line["hash"] == line_hash(line) for line in lines)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_cut_at_any_byte_of_the_last_line_the_earlier_lines_remain(path):
    data = path.read_bytes()
    start = data[:-1].rindex(b"\n") + 1
    for cut in range(start, len(data)):
        path.write_bytes(data[:cut])
        chain = ChainFile.open(path)
        assert (len(chain.lines), chain.torn) == (3, cut - start)
        chain.append({"kind": "charge", "number": 9})
        chain.close()
        again = ChainFile.open(path, read_only=True)
        assert [line.get("number") for line in again.lines] == [None, 0, 1, 9]
        again.close()


DATA = b""


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_other_byte_anywhere_names_its_line(data):
    global DATA
    if not DATA:
        lines, rows = [], b""
        for number in range(4):
            line = {"n": number, "previous": lines[-1]["hash"] if lines else "0" * 64, "share": 1e-05, "on": True}
            line["hash"] = line_hash(line)
            lines.append(line)
            rows += canonical(line) + b"\n"
        DATA = rows
    place = data.draw(st.integers(0, len(DATA) - 2))  # all but the last newline, without which the line is torn
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != DATA[place]))
    edited = DATA[:place] + bytes([other]) + DATA[place + 1 :]
    with pytest.raises(VerificationFailed, match=f"line {DATA[:place].count(10) + 1} of ledger"):
        parse_chain(edited, "ledger")


@pytest.mark.parametrize(
    "change", ["drop a line", "swap two lines", "repeat a line", "insert a space", "1e-05 → 1E-05"]
)
def test_changed_lines_are_named(path, change):
    rows = path.read_bytes().splitlines(keepends=True)
    rows = {
        "drop a line": [rows[0], *rows[2:]],
        "swap two lines": [rows[0], rows[2], rows[1], rows[3]],
        "repeat a line": [*rows[:2], rows[1], *rows[2:]],
        "insert a space": [rows[0], rows[1].replace(b":", b": ", 1), *rows[2:]],
        "1e-05 → 1E-05": [rows[0], rows[1].replace(b"1e-05", b"1E-05"), *rows[2:]],
    }[change]
    path.write_bytes(b"".join(rows))
    number = 3 if change == "repeat a line" else 2
    for read_only in (False, True):
        with pytest.raises(VerificationFailed, match=f"line {number} of ledger.jsonl"):
            ChainFile.open(path, read_only=read_only)
    assert path.read_bytes() == b"".join(rows)


def test_a_line_rewritten_with_a_fresh_hash_breaks_the_next_link(path):
    rows = path.read_bytes().splitlines()
    line = json.loads(rows[1])
    line["number"] = 77
    line["hash"] = line_hash(line)
    path.write_bytes(b"\n".join([rows[0], canonical(line), *rows[2:]]) + b"\n")
    with pytest.raises(VerificationFailed, match="line 3 of ledger"):
        ChainFile.open(path)


def test_two_writers_take_turns_and_see_each_other(path):
    first, second = ChainFile.open(path), ChainFile.open(path)
    first.append({"kind": "charge", "number": 10})
    second.append({"kind": "charge", "number": 11})
    first.append({"kind": "charge", "number": 12})
    assert [line.get("number") for line in first.lines] == [None, 0, 1, 2, 10, 11, 12]
    with second.exclusive():
        assert second.head == first.head
    reader = ChainFile.open(path, read_only=True)
    assert reader.head == first.head
    with pytest.raises(UsageError, match="reading only"):
        reader.append({"kind": "note"})


def test_while_one_writer_decides_the_other_waits(path, monkeypatch):
    monkeypatch.setattr(chain_module, "_PATIENCE", 0.1)
    first, second = ChainFile.open(path), ChainFile.open(path)
    with first.exclusive():
        with pytest.raises(UsageError, match="another process"):
            second.append({"kind": "charge"})
        ChainFile.open(path, read_only=True).close()
        first.append({"kind": "charge", "number": 4})  # nested
    second.append({"kind": "charge", "number": 5})
    assert [line["number"] for line in second.lines[-2:]] == [4, 5]


def test_a_line_torn_by_another_writer_is_dropped_by_the_next(path):
    chain = ChainFile.open(path)
    with path.open("ab") as file:
        file.write(b'{"kind":"cha')
    with chain.exclusive():
        assert chain.torn == 12
        chain.append({"kind": "charge", "number": 4})
    again = ChainFile.open(path)
    assert (len(again.lines), again.torn) == (5, 0)


def test_a_reader_leaves_a_torn_line_alone(path):
    torn = path.read_bytes() + b'{"kind":"cha'
    path.write_bytes(torn)
    reader = ChainFile.open(path, read_only=True)
    assert (len(reader.lines), reader.torn) == (4, 12)
    assert path.read_bytes() == torn


def test_an_existing_file_is_never_replaced(path):
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        ChainFile.create(path, {"kind": "open"})
    assert path.read_bytes() == before


def test_a_missing_file_and_a_missing_folder_are_told(tmp_path):
    with pytest.raises(UsageError, match="there is no ledger"):
        ChainFile.open(tmp_path / "ledger.jsonl")
    with pytest.raises(MedsyngenError, match="No such file"):
        ChainFile.create(tmp_path / "nowhere" / "ledger.jsonl", {"kind": "open"})


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failed_write_leaves_no_half_line(path, monkeypatch, call, code):
    before = path.read_bytes()
    chain = ChainFile.open(path)
    real = getattr(os, call)
    failures = iter([True])

    def failing(descriptor, *rest):
        if call == "pwrite":
            if next(failures, False):
                return real(descriptor, rest[0][:7], rest[1])  # the disk takes 7 bytes, then is full
            raise OSError(code, os.strerror(code))
        if next(failures, False):
            raise OSError(code, os.strerror(code))
        return real(descriptor, *rest)

    monkeypatch.setattr(chain_module.os, call, failing)
    with pytest.raises(MedsyngenError) as failure:
        chain.append({"kind": "charge"})
    assert os.strerror(code) in failure.value.what
    assert str(path.parent) not in failure.value.what
    assert path.read_bytes() == before
    monkeypatch.undo()
    chain.append({"kind": "charge", "number": 5})
    chain.close()
    assert len(ChainFile.open(path).lines) == 5


def test_when_even_cutting_back_fails_nothing_more_is_appended(path, monkeypatch):
    chain = ChainFile.open(path)
    real = os.pwrite
    calls = iter([True])

    def failing(descriptor, data, offset):
        if next(calls, False):
            return real(descriptor, data[:7], offset)
        raise OSError(errno.EIO, "")

    def never(*_):
        raise OSError(errno.EIO, "")

    monkeypatch.setattr(chain_module.os, "pwrite", failing)
    monkeypatch.setattr(chain_module.os, "ftruncate", never)
    with pytest.raises(MedsyngenError):
        chain.append({"kind": "charge"})
    monkeypatch.undo()
    with pytest.raises(UsageError):
        chain.append({"kind": "charge"})
    chain.close()
    again = ChainFile.open(path)
    assert (len(again.lines), again.torn) == (4, 7)


def test_a_failed_creation_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(chain_module.os, "pwrite", full)
    with pytest.raises(MedsyngenError, match="No space left"):
        ChainFile.create(tmp_path / "ledger.jsonl", {"kind": "open"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["removed", "replaced", "shortened", "an earlier line edited"])
def test_a_file_changed_under_our_hands_is_noticed(path, change):
    chain = ChainFile.open(path)
    data = path.read_bytes()
    if change == "removed":
        path.unlink()
    elif change == "shortened":
        os.truncate(path, data.rindex(b"\n", 0, -1) + 1)
    elif change == "an earlier line edited":
        with path.open("r+b") as file:
            file.seek(len(data) // 2)
            file.write(b"X")
    else:
        other = path.with_name("other")
        other.write_bytes(path.read_bytes())
        other.replace(path)
    with pytest.raises(VerificationFailed, match=r"while it was in use.* line 4"):
        chain.append({"kind": "charge"})


def test_what_was_appended_is_on_disk_before_the_call_returns(path, monkeypatch):
    order = []
    real_write, real_sync = os.pwrite, os.fsync
    monkeypatch.setattr(chain_module.os, "pwrite", lambda d, data, at: order.append("write") or real_write(d, data, at))
    monkeypatch.setattr(chain_module.os, "fsync", lambda d: order.append("sync") or real_sync(d))
    chain = ChainFile.open(path)
    chain.append({"kind": "charge"})
    assert order == ["write", "sync"]
    chain.close()
    order.clear()
    ChainFile.create(path.with_name("new.jsonl"), {"kind": "open"}).close()
    assert order == ["write", "sync", "sync"]  # the line, then the folder's entry
