"""Is one patient ID one person? Signs against it are told, alike by `inspect` and by `fit`, and never acted on."""

import pickle
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.patient_map import PatientMap, is_blank, patient_key
from medsyngen.cohort.preflight import inspect_scans
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.transforms import ScanForm
from medsyngen.cohort.unit_audit import SharedPictures, alike
from medsyngen.errors import InputUnusable
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey

pytestmark = pytest.mark.slow  # whole readings

FORM = ScanForm(size=8, max_skipped_share=0.9)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def archive(path, ids, images=None):
    """One small picture for each ID, all different unless given."""
    images = np.arange(len(ids) * 16, dtype=np.uint16).reshape(-1, 4, 4) if images is None else images
    np.savez(path, images=images, patient_id=np.array(ids))
    return path


def patients(reading):
    return {key.patient_id for key in reading.cohort}


# --- IDs that are written alike

NFC, NFD = "M\u00fcller", "Mu\u0308ller"
ALIKE = {
    "case": ("ab1", "AB1"),
    "space before": ("ab1", " ab1"),
    "space inside": ("ab1", "ab 1"),
    "no-break space": ("ab1", "ab\u00a01"),
    "punctuation": ("ab1", "ab-1."),
    "leading zeros": ("123", "00123"),
    "leading zeros of the number": ("PAT-7", "PAT-0007"),
    "all zeros": ("0", "000"),
    "Unicode form": (NFC, NFD),
    "wide digits": ("12", "\uff11\uff12"),
    "sharp s": ("STRASSE", "Stra\u00dfe"),
    "NUL inside": ("ab1", "a\0b1"),
    "zero width": ("ab1", "ab\u200b1"),
}


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE)
def test_ids_written_alike_are_told_and_stay_two_patients(tmp_path, pair):
    scans = archive(tmp_path / "a.npz", [*pair, "other"])
    reading = read_cohort(scans, form=FORM)
    assert patients(reading) == {*pair, "other"}
    assert reading.notices[0].startswith("1 groups of patient IDs differ only by case, spaces, punctuation")
    assert inspect_scans(scans).patients == 3
    assert not [text for text in pair if len(text) > 3 and text in "".join(reading.notices)]


@pytest.mark.parametrize(
    "pair", [("ab1", "ab2"), ("120", "12"), ("1001", "11"), ("M\u00fcller", "Muller"), ("a", "aa")]
)
def test_other_ids_are_not_told(pair):
    assert alike(pair) == 0


@given(TEXT)
def test_unicode_forms_and_case_of_any_text_are_alike(text):
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")} | {text.casefold()}
    assert alike(forms) == (len(forms) > 1)


def test_padding_at_the_end_is_no_part_of_an_id(tmp_path, make_dicom):
    """The standard pads texts to an even length (PS3.5 section 6.2): that is decoding, not merging."""
    for number, text in enumerate(("AB1", "AB1 ", "AB1\0")):
        make_dicom(tmp_path / str(number), np.full((4, 4), number, np.uint16), PatientID=text)
    make_dicom(tmp_path / "b", np.full((4, 4), 9, np.uint16), PatientID="B")
    reading = read_cohort(tmp_path, form=FORM)
    assert {key.patient_id: len(reading.cohort[key].pixels) for key in reading.cohort} == {"AB1": 3, "B": 1}
    assert not reading.notices


# --- blank IDs

BLANK = ["", " ", "\t\n", "\0", "\0\t", "\u00a0", "\u200b", "\ufeff", "\x07"]


@pytest.mark.parametrize("text", BLANK)
def test_an_id_of_which_nothing_shows_is_none_before_and_after_mapping(text):
    assert is_blank(text)
    for identify in (
        patient_key,
        lambda t: PatientMap(by_id={"A": t}).identify("x", "A"),
        lambda t: PatientMap(by_path={"x": t}).identify("x", "A"),
    ):
        with pytest.raises(ScanRefused) as refused:
            identify(text)
        assert refused.value.reason == "no-patient-id"


@given(st.text(st.characters(), max_size=6))  # halves of surrogate pairs too
def test_every_id_that_is_let_in_can_key_a_random_stream(text):
    """Half a surrogate pair can stand in an archive; it must not fail in the middle of a private step."""
    if is_blank(text) or any(0xD800 <= ord(character) < 0xE000 for character in text):
        with pytest.raises(ScanRefused):
            patient_key(text)
    else:
        key = patient_key(text)
        assert key.patient_id == text
        assert key.to_bytes().endswith(text.encode())


def test_half_a_surrogate_pair_is_refused_and_a_map_by_path_mends_it(tmp_path):
    scans = archive(tmp_path / "a.npz", ["A", "B", "C\ud800"])
    reading = read_cohort(scans, form=FORM)
    assert patients(reading) == {"A", "B"}
    assert [refusal.reason for refusal in reading.refusals] == ["no-patient-id"]
    mapping = PatientMap(by_path={f"a.npz#{i}": f"P{i}" for i in range(3)})
    assert patients(read_cohort(scans, form=FORM, patient_map=mapping)) == {"P0", "P1", "P2"}


def test_some_blank_ids_are_left_out_one_by_one_and_told(tmp_path):
    scans = archive(tmp_path / "a.npz", ["A", "", "B", "  ", "\u200b"])
    reading = read_cohort(scans, form=FORM)
    assert patients(reading) == {"A", "B"}
    assert [(refusal.case_id, refusal.reason) for refusal in reading.refusals] == [
        (f"case {number:05d}", "no-patient-id") for number in (2, 4, 5)
    ]
    assert reading.notices == ("3 scans have no patient ID; they are left out: say whose with --patient-map",)


# --- one ID for all, or none: refused unless the map mends it


@pytest.mark.parametrize("ids", [["ANON"] * 3, [""] * 3, ["ANON", "ANON", ""]])
def test_no_privacy_unit_is_refused_by_both_unless_a_map_by_path_mends_it(tmp_path, ids):
    scans = archive(tmp_path / "a.npz", ids)
    with pytest.raises(InputUnusable) as refused:
        read_cohort(scans, form=FORM)
    assert refused.value.exit_code == 3
    assert "--patient-map" in refused.value.do
    blocking = inspect_scans(scans).findings[0]
    assert (blocking.severity, blocking.what, blocking.do) == ("blocks", refused.value.what, refused.value.do)
    mapping = PatientMap(by_path={"a.npz#0": "P1", "a.npz#1": "P2", "a.npz#2": "P1"})
    assert patients(read_cohort(scans, form=FORM, patient_map=mapping)) == {"P1", "P2"}
    assert not inspect_scans(scans, patient_map=mapping).findings


def test_a_map_of_ids_can_not_split_one_id_nor_name_a_blank_one(tmp_path):
    """It can only join: then it's refused like before, and a map that joins everybody is refused too."""
    scans = archive(tmp_path / "a.npz", ["ANON", "ANON"])
    with pytest.raises(InputUnusable, match="one patient ID") as refused:
        read_cohort(scans, form=FORM, patient_map=PatientMap(by_id={"ANON": "X"}))
    assert "path,patient_id" in refused.value.do
    scans = archive(tmp_path / "b.npz", ["A", "B"])
    with pytest.raises(InputUnusable, match="one patient ID"):
        read_cohort(scans, form=FORM, patient_map=PatientMap(by_id={"A": "B"}))
    for text in (
        "patient_id,mapped_to\n ,P1\n",
        "patient_id,mapped_to\nA,\u200b\n",
        "path,patient_id\na.npz#0,\u200b\n",
    ):
        (tmp_path / "map.csv").write_text(text, encoding="utf-8")
        with pytest.raises(InputUnusable, match="blank cells"):
            PatientMap.read(tmp_path / "map.csv")


def test_a_map_of_ids_joins_what_is_written_alike_even_spaces_around(tmp_path):
    """Cells of a table have no spaces around, so they must not decide whether a row applies."""
    scans = archive(tmp_path / "a.npz", ["ab", " ab", "AB", "c"])
    (tmp_path / "map.csv").write_text("patient_id,mapped_to\nab,ab\nAB,ab\n")
    reading = read_cohort(scans, form=FORM, patient_map=PatientMap.read(tmp_path / "map.csv"))
    assert patients(reading) == {"ab", "c"}
    assert not reading.notices


# --- pictures under two patients


def test_equal_pictures_are_found_by_their_pixels_alone():
    pictures, a, b = SharedPictures(), PatientKey("a"), PatientKey("b")
    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    pictures.add(one, a)
    pictures.add(one, a)
    pictures.add(one.reshape(3, 2), b)
    pictures.add(one + np.float32(1e-6) * (one == 5), b)
    assert pictures.count == 0
    pictures.add(np.asfortranarray(one), b)
    assert pictures.count == 1
    pictures.add(np.float32([[0.0, 1.0]]), a)
    pictures.add(np.float32([[-0.0, 1.0]]), b)
    assert pictures.count == 2


def test_no_pixels_are_kept():
    pictures = SharedPictures()
    pictures.add(np.zeros((512, 512), np.float32), PatientKey("a"))
    assert len(pickle.dumps(pictures)) < 500


@pytest.mark.parametrize("join", [False, True])
def test_pictures_are_compared_as_decoded_not_as_stored_nor_as_trained_on(tmp_path, make_dicom, join):
    """An inverted file of the same picture counts; two pictures that only the recipe's window makes equal don't."""
    picture = np.random.default_rng(0).integers(0, 4096, (8, 8), dtype=np.uint16)
    make_dicom(tmp_path / "1", picture, PatientID="A")
    make_dicom(tmp_path / "2", 4095 - picture, PatientID="B", PhotometricInterpretation="MONOCHROME1")
    for patient, dark in (("C", 0), ("D", 50)):
        make_dicom(tmp_path / patient, np.where(np.eye(8), 150, dark).astype(np.uint16), PatientID=patient)
    form = ScanForm(size=8, window=(100.0, 200.0))
    reading = read_cohort(tmp_path, form=form, patient_map=PatientMap(by_id={"B": "A"}) if join else None)
    np.testing.assert_array_equal(*(reading.cohort[PatientKey(patient)].pixels for patient in "CD"))
    told = [notice.split(";")[0] for notice in reading.notices]
    assert told == ([] if join else ["1 pictures stand, pixel for pixel, under more than one patient ID"])


# --- what is told changes nobody


def doubtful(folder, make_dicom):
    """A hospital with everything that is told."""
    rng = np.random.default_rng(0)
    fresh = lambda: rng.integers(0, 4096, (8, 8), dtype=np.uint16)  # noqa: E731
    picture = fresh()
    make_dicom(folder / "1", picture, PatientID="ab-1", SOPInstanceUID="1.2.3")
    make_dicom(folder / "2", picture, PatientID="AB 1", SOPInstanceUID="1.2.3")
    make_dicom(folder / "3", fresh(), PatientID="AB 1", IssuerOfPatientID="HOSP")
    make_dicom(folder / "4", fresh(), PatientID=" ")
    make_dicom(folder / "5", picture, PatientID="0007")
    make_dicom(folder / "6", fresh(), PatientID="7")
    for index in range(51):
        make_dicom(folder / "many" / str(index), fresh(), PatientID="C")
    return folder


FILES = {"ab-1": ["1"], "AB 1": ["2", "3"], "0007": ["5"], "7": ["6"], "C": [f"many/{i}" for i in range(51)]}


def altered(folder, make_dicom, remove=lambda cohort: cohort):
    """Patients whose record is not what it would be with nobody else in the folder but a stranger."""
    whole = remove(read_cohort(folder, form=FORM).cohort)
    changed = set()
    for name, paths in FILES.items():
        mine, key = folder.parent / f"alone {name}", PatientKey(name)
        make_dicom(mine / "stranger", np.full((8, 8), 1, np.uint16), PatientID="stranger")
        for path in paths:
            (mine / path).parent.mkdir(parents=True, exist_ok=True)
            (mine / path).write_bytes((folder / path).read_bytes())
        record = read_cohort(mine, form=FORM).cohort[key]
        if key not in whole or not np.array_equal(whole[key].pixels, record.pixels):
            changed.add(name)
    return changed


def without_copies(cohort):
    """The wrong way: pictures that another patient has already are dropped."""
    seen, kept = set(), {}
    for key in cohort:
        mine = [image.tobytes() for image in cohort[key].pixels]
        if not set(mine) & seen:
            kept[key] = cohort[key]
        seen |= set(mine)
    return Cohort(kept)


def test_what_is_told_changes_no_patient(tmp_path, make_dicom):
    folder = doubtful(tmp_path / "s", make_dicom)
    notices = read_cohort(folder, form=FORM).notices
    assert [finding.line() for finding in inspect_scans(folder).findings] == list(notices)
    assert [notice.split(";")[0] for notice in notices] == [
        "1 scans have no patient ID",
        "2 groups of patient IDs differ only by case, spaces, punctuation, leading zeros or Unicode form",
        "1 patient IDs come from several issuers, or with and without one, and count as one patient",
        "1 patients have more than 50 scans",
        "1 pictures stand, pixel for pixel, under more than one patient ID",
        "1 SOP Instance UIDs stand under more than one patient ID",
    ]
    for secret in ("ab-1", "AB 1", "0007", "1.2.3", "HOSP", "Quintessa", "many/"):
        assert secret not in "".join(notices)
    assert altered(folder, make_dicom) == set()


def test_the_check_above_catches_removal_across_patients(tmp_path, make_dicom):
    folder = doubtful(tmp_path / "s", make_dicom)
    assert altered(folder, make_dicom, without_copies) == {"AB 1", "ab-1"}
