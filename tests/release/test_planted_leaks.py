"""One planted leak a rule and a format: the gate's own reading of the bytes finds every one. N of N."""

import io

import numpy as np
import pydicom
import pytest
from cohorts import CT, KINDS, MR, PICTURE, VOLUME, made, refusal, review
from leak_list import BIDS, DCM, LEAKS, NII, NPZ, PNG

from medsyngen.release.check_dicom import DicomCheck
from medsyngen.release.checks import CANT_CHECK

pytestmark = pytest.mark.slow  # whole cohorts, written and judged


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A cohort that passes of each sort, and the bytes of its files."""
    folder = tmp_path_factory.mktemp("leaks")
    kinds = {
        "all": (PICTURE, ("dicom", "nifti", "bids", "png", "npz"), MR),
        "series": (VOLUME, ("dicom", "nifti"), CT),
        "several": (PICTURE, ("dicom",), {"images_per_patient": 2}),
        "dx": KINDS["digital radiographs"],
        "frames": KINDS["frames"],
    }
    found = {}
    for name, (shape, formats, form) in kinds.items():
        draft = made(folder / name, shape, formats, form)
        assert review(draft)
        found[name] = draft, {file: (draft.folder / file).read_bytes() for file in draft.files}
    return found


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_by_its_own_rule(originals, leak):
    kind, plant, check = LEAKS[leak]
    draft, files = originals[kind]
    folders = {path for path in draft.folder.rglob("*") if path.is_dir()}
    try:
        plant(draft.folder)
        checks, _ = refusal(draft)
        assert check in checks
    finally:
        for path in draft.folder.rglob("*"):
            if path.is_file() and path.relative_to(draft.folder).as_posix() not in files:
                path.unlink()
        for path in {p for p in draft.folder.rglob("*") if p.is_dir()} - folders:
            path.rmdir()
        for file, data in files.items():
            (draft.folder / file).write_bytes(data)


def test_the_cohorts_still_pass_when_all_leaks_are_gone(originals):
    for draft, _ in originals.values():
        assert review(draft)


@pytest.mark.parametrize("file", [DCM, NII, PNG, NPZ, f"{BIDS}.json", "croissant.json", "cohort.csv"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: data[::-1]])
def test_what_can_not_be_read_has_not_passed(originals, file, damage):
    draft, files = originals["all"]
    (draft.folder / file).write_bytes(damage(files[file]))
    try:
        checks, said = refusal(draft)
        assert checks
        assert "4711" not in said
    finally:
        (draft.folder / file).write_bytes(files[file])


def test_every_byte_of_a_dicom_header_counts(originals):
    """Any one byte before the pixels changed in any way is refused; no byte is passed over."""
    draft, files = originals["all"]
    data = files[DCM]
    end = data.index(b"\xe0\x7f\x10\x00OW")
    rng = np.random.default_rng(5)
    passed = []
    for at in range(end):
        check = DicomCheck(draft)
        assert list(check.look("cohort.csv", files["cohort.csv"])) == []
        changed = bytearray(data)
        changed[at] ^= int(rng.integers(1, 256))
        try:
            refused = [*check.look(DCM, bytes(changed)), *check.finish()]
        except CANT_CHECK:
            refused = [True]
        if not refused:
            passed.append(at)
    # What may differ is a digit of a fresh UID that stands once: all else is fixed.
    ds = pydicom.dcmread(io.BytesIO(data))
    fresh = [str(ds[name].value).encode() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")]
    inside = {i for uid in fresh for i in range(data.index(uid), data.index(uid) + len(uid))}
    assert set(passed) <= inside
