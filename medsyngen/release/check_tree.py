"""Check: the folder holds the files it should, named by counters, and nothing else."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medsyngen.cohort.conditions import CLASS
from medsyngen.release import contents, names
from medsyngen.release.checks import RULES, Problem, Verdict
from medsyngen.release.draft import Draft
from medsyngen.release.patients import place_of

_DO = "export again; if it comes back, report it as a bug in medsyngen"


@dataclass(frozen=True)
class Tree:
    """What is really in a folder, by our own walk.

    Args:
        files: Path of every regular file relative to the folder, sorted.
        folders: The same for folders.
        strange: Number of links, devices and other things that are neither.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    strange: int


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))


def walk(folder: Path) -> Tree:
    """Returns what is in the folder; follows no link. A file with a second (hard) link counts as strange."""
    files, folders, strange = [], [], 0
    for entry in _entries(folder):
        path = Path(entry.path).relative_to(folder).as_posix()
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            folders.append(path)
        elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            files.append(path)
        else:
            strange += 1
    return Tree(tuple(sorted(files)), tuple(sorted(folders)), strange)


def read_bytes(folder: Path, file: str) -> bytes:
    """Returns the bytes of one regular file; a link put in its place since the walk is an OSError."""
    descriptor = os.open(folder / file, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def check_tree(tree: Tree, draft: Draft) -> Verdict:
    """Refuses links, unlisted and missing files, and names that are not made by the counters.

    Args:
        tree: What the walk found.
        draft: What the writer says that it wrote; its list of files is not believed, only held against the counters.
    """
    pictures = contents.image_files(draft.columns, draft.count, draft.form, draft.shape)
    ours = {names.TABLE, names.README, names.CROISSANT}
    others = set(tree.files) - pictures - ours
    listed = set(draft.files)
    wrong = {
        "things that are neither file nor folder, or linked from elsewhere": tree.strange,
        "folders that don't belong to a format": len(set(tree.folders) ^ names.parents(sorted(pictures))),
        "files with a name that is not made by the counters": sum(not names.REPORT_FILE.fullmatch(n) for n in others),
        "files that the export did not list": len(set(tree.files) - listed),
        "listed files that are not there": len(listed - set(tree.files)),
        "missing pictures": len(pictures - set(tree.files)),
        "a table, README or description that is missing": len(ours - set(tree.files)),
        "a manifest from before the gate": int(names.MANIFEST in tree.files),
    }
    problems = tuple(Problem(f"{number} × {what}", _DO) for what, number in wrong.items() if number)
    return Verdict("files", "own walk over the folder", problems, RULES["files"])


class TableCheck:
    """The table names every image once, in order, each with the synthetic patient of its place, all of one tag.

    With declared attributes it has a column for each of them, and in it nothing but their values; without, declared
    classes are the only ones.

    Args:
        draft: What the writer says that it wrote: formats, number, form, attributes; not the files.
    """

    name = "table"
    read = names.TABLE
    rules: tuple[str, ...] = ("G8", "G12")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._columns = [attribute.name for attribute in draft.attributes] or [CLASS]
        allowed = [[value.name for value in attribute.values] for attribute in draft.attributes]
        if draft.classes:
            allowed = [[*draft.classes]]
        self._allowed = [{"", *values} for values in allowed]

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads cohort.csv; leaves all other files."""
        if file != names.TABLE:
            return
        draft, at = self._draft, len(self._draft.columns)
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        wanted = [*draft.columns, "synthetic_patient_id", *self._columns]
        if header != wanted or len(rows) != draft.count or any(len(row) != len(wanted) for row in rows):
            yield Problem(f"{names.TABLE} has another header or number of rows than were asked for", _DO)
            return
        tags = set()
        for number, row in enumerate(rows, start=1):
            files, patient, values = row[:at], row[at], row[at + 1 :]
            found = names.PATIENT_ID.fullmatch(patient)
            tags.add(found[1] if found and int(found[2]) == place_of(number, draft.form).patient else None)
            if files != [contents.told_in_table(name, number, draft.form, draft.shape) for name in draft.columns]:
                yield Problem(f"row {number} of {names.TABLE} names other files than its own", _DO)
            if not all(value in allowed for value, allowed in zip(values, self._allowed, strict=False)):
                yield Problem(f"row {number} of {names.TABLE} holds a value that the recipe does not declare", _DO)
        if len(tags) != 1 or None in tags:
            yield Problem(f"{names.TABLE} names patients that are not made by the counters", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add."""
        return ()
