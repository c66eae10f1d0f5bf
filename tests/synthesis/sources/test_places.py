"""Public folders and programs that are the private scans: refused, whatever way leads there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medsyngen.errors import UsageError
from medsyngen.synthesis.sources.places import check_public

POOL = {"kind": "image-pool", "attested_by": "us"}
COMMAND = {"kind": "user-command", "attested_by": "us", "path": "/usr/bin:/bin"}


@pytest.fixture
def disk(tmp_path, monkeypatch) -> Path:
    """SCANS and RUN with something in them, public folders beside them, and links that lead across."""
    for name in ("data/scans/ward", "data/public", "run/private", "scans-of-others"):
        (tmp_path / name).mkdir(parents=True)
    for program in ("data/scans/generate", "data/public/generate"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / "data" / "public" / "link").symlink_to(tmp_path / "data" / "scans")
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(said: Any, disk: Path) -> None:
    check_public(said, {"SCANS": disk / "data" / "scans", "RUN": disk / "run"})


PRIVATE: dict[str, Callable[[Path], Any]] = {
    "equal": lambda disk: {**POOL, "folder": f"{disk}/data/scans"},
    "inside": lambda disk: {**POOL, "folder": f"{disk}/data/scans/ward"},
    "around": lambda disk: {**POOL, "folder": f"{disk}/data"},
    "the root of all": lambda disk: {**POOL, "folder": "/"},
    "of the run": lambda disk: {**POOL, "folder": f"{disk}/run/private"},
    "by a link": lambda disk: {**POOL, "folder": f"{disk}/data/public/link/ward"},
    "by a link above": lambda disk: {**POOL, "folder": f"{disk}/linked/scans"},
    "by dots": lambda disk: {**POOL, "folder": f"{disk}/data/public/../scans"},
    "not there": lambda disk: {**POOL, "folder": f"{disk}/data/scans/nowhere"},
    "a bundle": lambda disk: {"kind": "monai-bundle", "folder": f"{disk}/run", "attested_by": "us"},
    "what starts": lambda disk: {"kind": "composite", "start": {**POOL, "folder": f"{disk}/run"}, "change": {}},
    "what varies": lambda disk: {"kind": "composite", "start": {}, "change": {**POOL, "folder": f"{disk}/run"}},
    "deeper in a recipe": lambda disk: {"evolution": {"source": {**POOL, "folder": f"{disk}/run"}}},
    "a program": lambda disk: {**COMMAND, "command": [f"{disk}/data/scans/generate"]},
    "a program that is found": lambda disk: {**COMMAND, "command": ["generate"], "path": f"/bin:{disk}/linked/scans"},
    "an argument": lambda disk: {**COMMAND, "command": ["sh", f"{disk}/data/scans/ward"]},
    "a value": lambda disk: {**COMMAND, "command": ["sh", f"--from={disk}/data/scans"]},
    "a line": lambda disk: {**COMMAND, "command": ["sh", "-c", f"cat '{disk}/data/scans'; ls"]},
}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_places_are_refused_without_naming_them(name: str, disk: Path):
    with pytest.raises(UsageError, match="must not be private") as error:
        check(PRIVATE[name](disk), disk)
    assert error.value.details
    assert not [line for line in error.value.details if str(disk) in line]


def test_a_program_that_is_found_in_a_private_folder_by_a_link(disk: Path):
    (disk / "bin").mkdir()
    (disk / "bin" / "made").symlink_to(disk / "data" / "scans" / "generate")
    with pytest.raises(UsageError, match="must not be private"):
        check({**COMMAND, "command": ["made"], "path": f"{disk}/bin"}, disk)


def test_a_folder_seen_twice_is_known_by_what_it_is(disk: Path, monkeypatch: pytest.MonkeyPatch):
    """As a mount of the same folder elsewhere, which only root can make: two names, one device and number."""
    usual = os.stat

    def stat(self, **more):
        return usual(str(self).replace("scans-of-others", "data/scans"), **more)

    monkeypatch.setattr(Path, "stat", stat)
    for folder in (disk / "scans-of-others", disk / "scans-of-others" / "ward"):
        with pytest.raises(UsageError, match="must not be private") as error:
            check({**POOL, "folder": str(folder)}, disk)
        assert "it is SCANS" in error.value.details[0]


@pytest.mark.parametrize(
    "said",
    [
        lambda disk: {**POOL, "folder": f"{disk}/data/public"},
        lambda disk: {**POOL, "folder": f"{disk}/scans-of-others"},
        lambda disk: {**POOL, "folder": f"{disk}/data/scans-2"},
        lambda disk: {**COMMAND, "command": [sys.executable, f"{disk}/data/public/generate", "--n=3", "a/data/scans"]},
        lambda disk: {**COMMAND, "command": ["generate"], "path": f"{disk}/data/public::data/scans"},
        lambda disk: {"kind": "phantom-simulator", "phantom": "speckle"},
        lambda disk: {"method": "portrait", "measures": ["tone"], "members": 3},
    ],
)
def test_what_lies_apart_is_not(said: Callable[[Path], Any], disk: Path):
    check(said(disk), disk)
