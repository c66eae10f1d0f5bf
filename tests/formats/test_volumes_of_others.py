"""Every volume of the sets of real scans: the same voxels at the same places as other programs read, or refused.

The table in docs/reference/volumes.md is what this finds; MEDSYNGEN_UPDATE_GOLDEN=1 writes it anew.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from second_readers import by_dcm2niix, by_simpleitk, difference, need_dcm2niix

from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.slices import Slices
from medsyngen.formats.locator import read_image
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.volume_reading import read_volume

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "volumes.md"
BEGIN, END = "<!-- tried: begin -->\n", "<!-- tried: end -->\n"
VALUES, PLACES = 2e-7, 0.01  # of the largest value (float32); mm

pytestmark = pytest.mark.realdata


def _volume(files: int) -> str:
    return "volume" if files == 1 else f"volume of {files} slices"


def told(index, of):
    """Counts volumes and refusals of an index; every file is in one of them."""
    found = Counter(_volume(len(scan.parts)) if scan.parts else "single image" for scan in index.scans)
    found += Counter(f"refused: {refusal.reason}" for refusal in index.refusals for _ in refusal.parts or (0,))
    files = [part for scan in index.scans for part in scan.parts or (scan.locator,)]
    files += [part for refusal in index.refusals for part in refusal.parts or (refusal.locator,)]
    assert sorted(files) == sorted(of)
    return found


def check_against(mine, others):
    for other in others:
        values, places = difference(mine, other)
        assert values <= VALUES
        assert places <= PLACES


def dicom_folder(folder: Path) -> list[str]:
    """Reads each folder of DICOM files as an archive of its own; returns a line of the table for each."""
    lines = []
    for place in sorted({path.parent for path in folder.rglob("*.dcm")}):
        files = sorted(place.glob("*.dcm"))
        index = index_scans(place, slices=Slices("axial", 1))
        found = told(index, [file.name for file in files])
        readers = []
        for scan in index.scans:
            addresses = index.addresses(scan)
            mine, paths = read_volume(addresses), [Path(address) for address in addresses]
            check_against(mine, by_dcm2niix(paths))
            readers.append("dcm2niix")
            if len(paths) > 1:
                check_against(mine, [by_simpleitk(paths)])
                readers.append("SimpleITK")
        what = ", ".join(sorted(found))
        name = place.relative_to(folder.parent).as_posix()
        lines.append(f"| `{name}` | {len(files)} | {what} | {', '.join(readers)} |\n")
    return lines


def nifti_folder(folder: Path, *, each: bool) -> list[str]:
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".nii", ".nii.gz")))
    rows: Counter[tuple[str, str, str]] = Counter()
    owners = PatientMap(by_path={path.name: path.name for path in files})
    index = index_scans(folder, slices=Slices("axial", 1), patient_map=owners)
    assert sum(told(index, [path.name for path in files]).values()) == len(files)
    refused = {refusal.locator: refusal.reason for refusal in index.refusals}
    for path in files:
        name = f"{folder.name}/{path.name}" if each else f"{folder.parent.name}/{folder.name}"
        if path.name in refused:
            with pytest.raises(ScanRefused) as why:
                read_volume([str(path)])
            assert why.value.reason == refused[path.name]
            rows[name, f"refused: {why.value.reason}", ""] += 1
        else:
            check_against(read_volume([str(path)]), [by_simpleitk([path])])
            rows[name, "volume", "SimpleITK"] += 1
    return [f"| `{name}` | {count} | {what} | {reader} |\n" for (name, what, reader), count in rows.items()]


def single_slices(folder: Path) -> list[str]:
    """Series of which one or two slices are there: refused as volumes, read as single images without the rule."""
    files = sorted(path.name for path in folder.rglob("*.dcm"))
    lines = []
    for rule in (Slices("axial", 1), None):
        index = index_scans(folder, slices=rule)
        for what, count in sorted(told(index, files).items()):
            how = "" if rule else ", without `slices`"
            reader = "SimpleITK" if what == "single image" else ""
            lines.append(f"| `{folder.name}`{how} | {count} | {what} | {reader} |\n")
    for scan in index.scans:
        mine, other = read_image(index.address(scan)), by_simpleitk([Path(index.address(scan))])
        np.testing.assert_array_equal(mine.pixels, other.pixels[:, :, 0].T)
    return lines


@pytest.mark.slow
def test_every_volume_is_right_or_refused_for_its_own_reason(real_data):
    need_dcm2niix()
    lines = ["| files | | read as | equal to |\n", "|---|---|---|---|\n"]
    lines += dicom_folder(real_data / "dicom_mr_pgbm_dev")
    lines += dicom_folder(real_data / "dicom_multivendor_dev")
    lines += single_slices(real_data / "dicom_ct_tcga_luad_dev")
    lines += nifti_folder(real_data / "nifti_misc_dev", each=True)
    lines += nifti_folder(real_data / "msd_hippocampus_dev" / "imagesTr", each=False)
    lines += nifti_folder(real_data / "msd_hippocampus_dev" / "labelsTr", each=False)
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    kept, _, after = rest.partition(END)
    if os.environ.get("MEDSYNGEN_UPDATE_GOLDEN"):
        kept = "".join(lines)
        PAGE.write_text(before + BEGIN + kept + END + after, "utf-8")
    assert kept.splitlines() == "".join(lines).splitlines()
