"""What a reading is about to read: each scan named by what its pixels depend on, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from medsyngen.cohort.packed import PackedLines
from medsyngen.cohort.scan_index import IndexedScan, ScanIndex
from medsyngen.cohort.transforms import ScanForm
from medsyngen.formats.archive import split_address
from medsyngen.formats.nifti import image_file
from medsyngen.version import __version__


@dataclass(frozen=True)
class Plan:
    """The scans of one reading.

    Args:
        keys: One for each scan, in their order.
        digest: Of all of them, with whose each is and how many images it may have.
    """

    keys: PackedLines = field(repr=False)
    digest: str


def plan_of(index: ScanIndex, form: ScanForm) -> Plan:
    """Returns the keys of scans: digests of address, size and times of change of every file, form, program version.

    What decides which scans are taken, and their labels, is no part of them: a reading with other labels or another
    allowed share of refusals decodes nothing again. A file that can't be looked at gets a key that fits nothing.
    """
    named = ("size", "window", "slices") if form.grid is None else ("size", "window", "spacing_mm", "label_maps")
    shape = {name: value for name, value in asdict(form).items() if name in named}
    of_form = json.dumps([__version__, shape])
    keys = PackedLines()
    for scan in index.scans:
        keys.append(_key(index, scan, of_form))
    whole = hashlib.sha256()
    for key, scan in zip(keys, index.scans, strict=True):
        whole.update(key.encode() + hashlib.sha256(scan.patient.to_bytes()).digest() + scan.images.to_bytes(8, "big"))
    return Plan(keys, whole.hexdigest())


def _key(index: ScanIndex, scan: IndexedScan, of_form: str) -> str:
    locators = scan.locators
    addresses = [*index.addresses(scan), *filter(None, [index.map_address(scan)])]
    files = [_times(Path(address)) for address in addresses]
    return hashlib.sha256(json.dumps([of_form, bool(scan.parts), locators, files]).encode()).hexdigest()


def _times(address: Path) -> list[list[int]] | str:
    try:
        return [[status.st_size, status.st_mtime_ns, status.st_ctime_ns] for status in map(os.stat, _files(address))]
    except OSError:
        return os.urandom(16).hex()


def _files(address: Path) -> Iterator[Path]:
    if address.is_file():
        yield address
    elif (archive := split_address(address)[0]) is not None:
        yield archive
    else:
        yield Path(str(address).rpartition("#")[0])  # an image of an .npz
    if address.name.lower().endswith((".hdr", ".hdr.gz")) and (voxels := image_file(address)) is not None:
        yield voxels
