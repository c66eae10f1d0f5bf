"""The index of SCANS: every file is accepted or refused with a reason, from its header alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from medsyngen.cohort.accepting import Accepting, Rules
from medsyngen.cohort.grids import Grid
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading_files import Facts, FileReader
from medsyngen.cohort.scan_index import ScanIndex
from medsyngen.cohort.slices import Slices
from medsyngen.cohort.walking import FoundFile, Kind, count_files, find_files, find_members, found_file
from medsyngen.errors import InputUnusable
from medsyngen.formats.archive import is_archive
from medsyngen.progress import Progress, silent

_MOST_PROCESSES: Final = 8
PHASE: Final = "reading headers"


def index_scans(
    scans: Path,
    *,
    modalities: Sequence[str] | None = None,
    patient_map: PatientMap | None = None,
    owners: Mapping[str, str] | None = None,
    codes: Sequence[str] = (),
    slices: Slices | Grid | None = None,
    join: bool = True,
    kept: Path | None = None,
    progress: Progress = silent,
) -> ScanIndex:
    """Looks at every file under SCANS.

    Whether a scan is used depends on its own patient's files and on public rules alone: within a patient the second of
    two files with one SOP Instance UID is refused, between patients nothing is removed. What the files say is read once
    (:mod:`medsyngen.cohort.reading_files`); the rules are applied anew each time (:mod:`medsyngen.cohort.accepting`).

    Args:
        scans: A folder, one ``.zip`` of scans, or one ``.npz`` file.
        modalities: DICOM codes to accept, ``SC`` meaning the SOP class Secondary Capture too; None accepts all.
        patient_map: The hospital's word on who is who, if it gave one.
        owners: Patient ID by path, for formats that carry none.
        codes: DICOM attributes to read for the conditions of a recipe, keys of ``CONDITION_CODES``.
        slices: The recipe's rule for volumes: slices of a series are joined; None refuses volumes, and
            takes slices of DICOM as single images.
        join: False takes slices of DICOM as single images though there is such a rule.
        kept: The index on disk, in the private part of a run folder; None keeps none.
        progress: Told after each file.

    Raises:
        InputUnusable: If SCANS isn't there or holds no file that could be a scan.
        MedsyngenError: If the index on disk can't be written, or a reading process doesn't start.
    """
    root, found, total = _files(scans)
    rules = Rules(
        root,
        None if modalities is None else frozenset(modalities),
        patient_map,
        owners or {},
        frozenset(codes),
        slices,
        join,
    )
    accepting = Accepting(rules)
    with FileReader(root, kept, processes=reading_processes()) as reader:
        for file, facts, texts in _with_archives(root, reader, found, total, progress):
            accepting.add(file.locator, facts, texts)
        read_now = reader.read_now
    index = accepting.index(read_now)
    if not index.files:
        raise InputUnusable("no scans found", do="give the folder that holds the scans, a .zip of it, or an .npz file")
    return index


def reading_processes() -> int:
    """Returns how many processes read files at the same time: one for each processor that this one may use."""
    return max(1, min(_MOST_PROCESSES, len(os.sched_getaffinity(0))))


def _with_archives(
    root: Path, reader: FileReader, found: Iterator[FoundFile], total: int, progress: Progress
) -> Iterator[Facts]:
    """Yields all files with their facts, archives replaced by what they hold; members come after the files."""
    archives: list[FoundFile] = []
    done = 0
    for file, facts, texts in reader.facts(found):
        done += 1
        progress(PHASE, done, max(done, total))
        if facts.kind is Kind.ARCHIVE and not facts.refused:
            archives.append(file)
        else:
            yield file, facts, texts
    total = done
    for archive in archives:
        held = list(find_members(root, archive))
        total += len(held)
        for told in reader.facts(held):
            done += 1
            progress(PHASE, done, total)
            yield told


def _files(scans: Path) -> tuple[Path, Iterator[FoundFile], int]:
    """Returns what locators are relative to, the files, and about how many there are: no list of all is kept."""
    if scans.is_dir():
        return scans, find_files(scans), count_files(scans)
    if scans.is_file() and _starts_like_zip(scans):
        return scans.parent, iter([found_file(scans.stat(), scans.name)]), 1
    if scans.exists():
        raise InputUnusable(
            "SCANS is neither a folder nor a .zip or .npz file", do="give the folder that holds the scans"
        )
    raise InputUnusable("SCANS is not there", do="check the path")


def _starts_like_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_archive(file.read(4))
    except OSError:
        return False
