"""No name, identifier or date of any header comes out of an inspection: not printed, not in its JSON or errors."""

from __future__ import annotations

import json
import re
import stat

import pytest

from medsyngen.cohort.identifiers import source_identifiers
from medsyngen.cohort.indexing import index_scans

FOLDERS = [
    *("dicom_ct_tcga_luad_dev", "dicom_mr_pgbm_dev", "dicom_multivendor_dev", "dicom_odd_dev", "kermany_cxr64"),
    *("mednist64_nocxr", "msd_hippocampus_dev", "nifti_misc_dev", "nih1000_64", "nih_cxr_128", "nih_cxr_dicom"),
    "pneumoniamnist28",
]
# Words of the program's own sentences, which some header or file name also holds.
OUR_OWN = {"gdcmconv", "explicit", "implicit", "lossless", "without", "private", "patient", "manifest", "functional"}


def told_of(text, identifiers):
    """Identifiers that stand in a text; digits count as whole numbers only."""
    numbers = set(re.findall(r"\d[\d.]*\d", text))
    return {found for found in identifiers if (found in numbers if re.fullmatch(r"[\d.]+", found) else found in text)}


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_of_a_header_is_told(real_data, inspected, folder):
    scans = real_data / folder
    out, done = inspected(scans)
    texts = index_scans(scans).texts
    identifiers = {each for each in source_identifiers(texts) if each.casefold() not in OUR_OWN}
    assert told_of(done.out + done.err, identifiers) == set()
    private = out / "private"
    if not private.is_dir():  # nothing there could be a scan
        return
    assert told_of((private / "preflight.json").read_text(), identifiers) == set()
    files = json.loads((private / "preflight.json").read_text())["files"]
    assert files["accepted"] + files["refused"] == files["found"]
    assert {path.name for path in private.iterdir()} - {"contact-sheet.png"} == {
        "preflight.json",
        "cases.csv",
        "index.sqlite",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in private.iterdir())


def test_the_search_finds_what_is_told():
    assert told_of("case 1 of Fictional^Q: 19991231", {"Fictional^Q", "19991231", "elsewhere"}) == {
        "Fictional^Q",
        "19991231",
    }
    assert told_of("7199912315 files", {"19991231"}) == set()


@pytest.fixture
def inspected(cli, tmp_path):
    """Inspects a folder with everything that writes or prints, and returns where and what."""

    def run(scans):
        out = tmp_path / "run"
        done = cli("inspect", scans, "--out", out, "--reveal")
        machine = cli("inspect", scans, "--json")
        return out, type(done)(done.code, done.out + machine.out, done.err + machine.err)

    return run
