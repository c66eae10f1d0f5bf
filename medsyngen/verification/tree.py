"""What really lies in a folder: every file, read and hashed by our own walk; links and devices are refused."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIECE = 1 << 20


@dataclass(frozen=True)
class Tree:
    """What a walk found.

    Args:
        files: SHA-256 and size of every regular file, by its path relative to the folder.
        folders: Paths of folders that hold nothing.
        strange: Paths of links, devices and whatever else is neither file nor folder.
    """

    files: dict[str, tuple[str, int]]
    folders: list[str]
    strange: list[str]


def walk(folder: Path) -> Tree:
    """Returns what is there; follows no link.

    Raises:
        OSError: Something can't be read.
    """
    files: dict[str, tuple[str, int]] = {}
    empty, strange = [], []
    for path, entry in _entries(folder):
        name = path.relative_to(folder).as_posix()
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            files[name] = hashed(path)
        elif stat.S_ISDIR(mode):
            if not os.listdir(path):
                empty.append(name)
        else:
            strange.append(name)
    return Tree(files, sorted(empty), sorted(strange))


def _entries(folder: Path) -> Iterator[tuple[Path, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path), entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))


def hashed(path: Path) -> tuple[str, int]:
    """Returns SHA-256 and size of a file, read piece by piece."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def tree_problems(tree: Tree, listed: dict[str, tuple[str, int]], beside: frozenset[str]) -> Iterator[str]:
    """Yields every file that is missing, not listed, or not what the manifest lists.

    Args:
        tree: What the walk found.
        listed: SHA-256 and size of every file, as the manifest says.
        beside: What may lie there without being listed: the manifest itself, and its signature.
    """
    for name in sorted(listed.keys() - tree.files.keys()):
        yield f"{name} is in the manifest and not in the folder"
    for name in sorted(tree.files.keys() - listed.keys() - beside):
        yield f"{name} is in the folder and not in the manifest"
    for name in sorted(listed.keys() & tree.files.keys()):
        if tree.files[name] != listed[name]:
            yield f"{name} is not the file that was released: its SHA-256 or size is another"
    yield from (f"{name} is neither a file nor a folder" for name in tree.strange)
    yield from (f"{name} is a folder that no listed file lies in" for name in tree.folders)
