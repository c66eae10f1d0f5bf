"""What the preflight tells beside the privacy unit: files, series, text in pictures, faces, near duplicates."""

import os
import zipfile

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.cohort import near_duplicates as near
from medsyngen.cohort.figures import faces_in, orientation_of, spread
from medsyngen.cohort.header_words import TEXT_RISKS, Looks, looks_of, vendor_of
from medsyngen.cohort.looking import likeness_of, small_picture
from medsyngen.cohort.near_duplicates import near_duplicates
from medsyngen.cohort.preflight import inspect_scans
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.cohort.text_in_pictures import chosen, has_text
from medsyngen.errors import InputUnusable
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.guarding import quiet_pydicom
from medsyngen.scan import PatientKey

PIXELS = np.arange(256, dtype=np.uint16).reshape(16, 16)


def risks(modality="CR", capture=False, **values):
    dataset = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return looks_of(dataset, "", modality, capture=capture, overlays=0).risks


def test_a_header_that_hints_at_text_is_told():
    assert risks() == ()
    assert risks(BurnedInAnnotation="YES") == ("said",)
    assert risks(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]) == ("screen",)
    assert risks(ConversionType="DF") == ("film",)
    assert risks(ConversionType="SYN") == ()
    assert risks("US") == ("ultrasound",)
    assert risks("US", BurnedInAnnotation="NO") == ()
    assert risks(capture=True) == ("capture",)
    overlay = pydicom.Dataset()
    overlay.add_new(0x60023000, "OW", b"\0\0")
    assert looks_of(overlay, "", "CR", capture=False, overlays=1).risks == ("overlay",)
    odd = pydicom.Dataset()
    odd.add_new(0x60013000, "OW", b"\0\0")  # an odd group is private
    assert looks_of(odd, "", "CR", capture=False, overlays=0).risks == ()


@given(st.text(max_size=30))
def test_no_word_of_a_header_is_told(text):
    dataset = pydicom.Dataset()
    with quiet_pydicom():
        dataset.Manufacturer, dataset.BodyPartExamined, dataset.StudyDescription = text, text, text
        looks = looks_of(dataset, "", "CR", capture=False, overlays=0)
    assert looks.vendor in ("", "other") or looks.vendor.casefold() in text.casefold()
    assert looks.body in ("", "head", "chest", "abdomen", "breast", "spine", "pelvis", "limb", "heart")


def test_makers_are_known_by_a_public_list():
    assert vendor_of("GE MEDICAL SYSTEMS") == "GE"
    assert vendor_of("Siemens Healthineers") == "Siemens"
    assert vendor_of("Smith, John") == "other"
    assert vendor_of("") == ""


def slices(count, **values):
    plane = SliceGeometry((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0), values.pop("thickness", 1.0))
    given = {"looks": Looks(body="head"), "geometry": plane, "series": "1.2", **values}
    return [
        IndexedScan(f"{i}", "", PatientKey("P"), given.pop("modality", "CT"), 8, 8, 12, **given) for i in range(count)
    ]


def test_thin_slices_of_a_head_can_show_a_face():
    assert faces_in(slices(20)) == 1
    assert faces_in(slices(15)) == 0
    assert faces_in(slices(20, thickness=5.0)) == 0
    assert faces_in(slices(20, looks=Looks(body="chest"))) == 0
    assert faces_in(slices(10) + slices(10, series="1.3")) == 0
    assert faces_in(slices(1, parts=tuple("abcdefghijklmnopqrst"))) == 1


@pytest.mark.parametrize(
    ("row", "column", "plane"),
    [
        ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), "axial"),
        ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), "coronal"),
        ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), "sagittal"),
        ((1.0, 0.0, 0.0), (0.0, 0.8, 0.6), "oblique"),
    ],
)
def test_planes(row, column, plane):
    assert orientation_of(SliceGeometry((0.0, 0.0, 0.0), row, column, (1.0, 1.0))) == plane
    assert orientation_of(None) == "(not said)"


def test_pictures_that_are_nearly_the_same_are_found():
    rng = np.random.default_rng(0)
    from PIL import Image

    smooth = [np.asarray(Image.fromarray(rng.random((9, 9), np.float32)).resize((96, 80), 3)) for _ in range(60)]
    again = smooth[7] * 3 + 0.02 * rng.standard_normal(smooth[7].shape).astype(np.float32)
    pictures = [*smooth, again]
    likeness = np.stack([likeness_of(picture.astype(np.float32)) for picture in pictures])
    patients = [PatientKey(f"P{i}") for i in range(len(pictures))]
    digests = [bytes([i]) for i in range(len(pictures))]
    assert near_duplicates(likeness, patients, digests) == 1
    assert near_duplicates(likeness, [*patients[:-1], patients[7]], digests) == 0  # one patient's own follow-up
    assert near_duplicates(likeness, patients, [*digests[:-1], digests[7]]) == 0  # equal pixels are told elsewhere
    black = np.stack([likeness_of(np.zeros((8, 8), np.float32))] * 3)
    assert near_duplicates(black, patients[:3], digests[:3]) == 0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, near.MOST_BITS))
def test_no_pair_within_the_distance_is_missed(seed, flips):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (30, 256), dtype=np.uint8)
    bits[29] = bits[3]
    bits[29, rng.permutation(256)[:flips]] ^= 1
    patients = [PatientKey(str(i)) for i in range(30)]
    brute = sum(int((bits[a] != bits[b]).sum()) <= near.MOST_BITS for a in range(30) for b in range(a))
    assert brute >= 1
    assert near_duplicates(np.packbits(bits, axis=1), patients, [bytes([i]) for i in range(30)]) == brute


def test_small_pictures_keep_their_proportions():
    tall = np.zeros((60, 30), np.float32)
    tall[:, 15:] = 1
    small = small_picture(tall)
    assert small.shape == (112, 112)
    assert (small[:, :28] == 0).all()
    assert small[56, 70] == 255
    assert not small_picture(np.zeros((5, 5), np.float32)).any()


def test_only_words_count_as_text():
    assert has_text([("DOE JANE", 0.95)])
    assert not has_text([("L", 0.99), ("PA", 0.99), ("....", 0.9), ("DOE JANE", 0.4)])


def test_those_at_risk_are_searched_first():
    scans = [*slices(10, looks=Looks()), *slices(3, looks=Looks(risks=("said",)))]
    picked = chosen(scans, 5)
    assert len(picked) == 5
    assert [bool(scan.looks.risks) for scan in picked] == [True, True, True, False, False]
    assert len(chosen(scans, 100)) == 13
    assert chosen([], 5) == []


def test_every_file_is_accepted_or_refused_and_counted(hospital, make_dicom):
    make_dicom(hospital / "bad", PIXELS, PatientID="")
    make_dicom(hospital / "report", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC")
    make_dicom(hospital / "shown", PIXELS, BurnedInAnnotation="YES", Manufacturer="GE MEDICAL", PatientID="PAT-9")
    os.mkfifo(hospital / "pipe")
    (hospital / "loop").symlink_to(hospital)
    (hospital / "notes.txt").write_text("x")
    np.savez(hospital / "more.npz", images=np.ones((3, 4, 4), np.uint8), patient_id=["A", "", "B"])
    found = inspect_scans(hospital)
    assert found.files == {"found": 12, "accepted": 8, "refused": 4, "beside": 1}
    assert found.refused == {"link": 1, "no-patient-id": 2, "not-an-image": 1, "unknown-format": 1}
    assert found.objects == {"Encapsulated PDF Storage": 1}
    assert found.text_risks == {TEXT_RISKS["said"]: 1}
    assert found.makers["GE"] == 1
    assert found.series == 9
    assert any("1 scans may have text" in each.what for each in found.advice)
    assert [label for label, _ in found.pictures if label.endswith("text?")]
    cases = [case for case, _, _ in found.cases]
    assert len(cases) == found.scans + len(found.refusals)
    assert cases == sorted(cases)
    assert not any("PAT-" in str(value) or "Quintessa" in str(value) for value in found.to_json().values())


def test_an_archive_is_inspected_as_its_folder(hospital, tmp_path):
    archive = tmp_path / "scans.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(hospital.rglob("*.dcm")):
            packed.write(path, path.relative_to(hospital).as_posix())
    folder, inside = inspect_scans(hospital), inspect_scans(archive)
    for name in ("patients", "scans", "scans_per_patient", "modalities", "sizes", "files", "findings", "series"):
        assert getattr(folder, name) == getattr(inside, name)
    archive.write_bytes(b"PK\x03\x04" + bytes(50))
    assert inspect_scans(archive).refused == {"unreadable": 1}
    archive.write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(InputUnusable):
        inspect_scans(archive)


def test_spread():
    assert spread([3, 1, 2]) == {"min": 1, "median": 2.0, "max": 3}
    assert spread([]) == {"min": 0, "median": 0.0, "max": 0}
