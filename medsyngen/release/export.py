"""From draft to cohort: hidden until the gate has passed it, then there all at once, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsyngen.errors import ReleaseRefused, UsageError
from medsyngen.release.check_tree import read_bytes, walk
from medsyngen.release.gate import Release
from medsyngen.release.manifest import manifest_bytes
from medsyngen.release.names import MANIFEST
from medsyngen.release.signing import SigningKey
from medsyngen.verification.signature import SIGNATURE


def refuse_existing(destination: Path) -> None:
    """Raises a UsageError if there is anything at the destination; call it before anything is drawn."""
    if os.path.lexists(destination):
        raise UsageError(f"there is already something at {destination.name}", do="name a folder that doesn't exist yet")


@contextmanager
def drafting(destination: Path) -> Iterator[Path]:
    """Gives an empty hidden folder beside the destination, closed to other users, and removes it in the end.

    What was published has been moved out of it by then. Only a killed process leaves the folder behind
    (``.<name>.draft-…``): it never passed the gate and may be deleted.

    Args:
        destination: Where the cohort is to appear; its parent is made if need be.

    Raises:
        UsageError: The destination exists, or its parent can't be written to.
    """
    refuse_existing(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=f".{destination.name}.draft-", dir=destination.parent))
        # The outer folder is closed to other users; the inner one, which is moved out, has ordinary permissions.
        folder = hidden / "cohort"
        folder.mkdir()
    except OSError as error:
        raise UsageError(f"can't write there: {error.strerror}", do="name a folder that can be written to") from None
    try:
        yield folder
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unchanged(release: Release) -> bool:
    tree = walk(release.folder)
    if tree.strange or set(tree.files) != set(release.files):
        return False
    read = {file: hashlib.sha256(read_bytes(release.folder, file)).hexdigest() for file in tree.files}
    return all(read[file] == written.sha256 for file, written in release.files.items())


def publish(
    release: Release,
    destination: Path,
    *,
    ledger_head: tuple[int, str],
    recipe_hash: str,
    signing: SigningKey | None = None,
) -> Path:
    """Writes the manifest, makes every byte durable, and moves the cohort into place in one step.

    Args:
        release: What passed the gate.
        destination: A path that doesn't exist, beside the draft.
        ledger_head: Number and hash of the ledger's last line.
        recipe_hash: Hash of the resolved recipe, hexadecimal.
        signing: Who signs the manifest; None: nobody.

    Returns:
        The destination.

    Raises:
        ReleaseRefused: The files are no longer those that the gate read.
        UsageError: The destination has come into being meanwhile, or the key can't sign.
    """
    if not _unchanged(release):
        raise ReleaseRefused(
            "the files are not those that the gate read: something changed them",
            do="find out what did, then export again",
        )
    manifest = manifest_bytes(release, ledger_head=ledger_head, recipe_hash=recipe_hash)
    (release.folder / MANIFEST).write_bytes(manifest)
    if signing is not None:
        (release.folder / SIGNATURE).write_bytes(signing.sign(manifest))
    for folder, _, files in os.walk(release.folder):
        for file in files:
            _sync(Path(folder) / file)
        _sync(Path(folder))
    refuse_existing(destination)  # a rename would silently take the place of an empty folder
    try:
        release.folder.rename(destination)
    except OSError as error:
        raise UsageError(f"can't move the cohort into place: {error.strerror}", do="name another folder") from None
    _sync(destination.parent)
    return destination
