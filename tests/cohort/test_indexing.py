import numpy as np
import pytest

from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.scan_index import check_privacy_unit
from medsyngen.errors import InputUnusable
from medsyngen.scan import PatientKey

PIXELS = np.zeros((4, 4), np.uint16)
COLOURED = {"SamplesPerPixel": 3, "PhotometricInterpretation": "HSV", "PlanarConfiguration": 0, "PixelData": bytes(96)}


def reasons(index):
    return [refusal.reason for refusal in index.refusals]


def test_every_file_is_accepted_or_refused(hospital, make_dicom):
    make_dicom(hospital / "x1", PIXELS, **COLOURED)
    make_dicom(hospital / "x2", PIXELS, Modality="CT")
    make_dicom(hospital / "x3", PIXELS, Modality="SMITHJOHN")
    make_dicom(hospital / "x4", PIXELS, PatientID="")
    (hospital / "x5.dcm").write_text("text")
    (hospital / "x6.jpg").write_text("text")
    (hospital / "notes.txt").write_text("text")
    index = index_scans(hospital, modalities=["CR"])
    assert len(index.scans) == 6
    assert reasons(index) == ["coloured", "modality", "modality", "no-patient-id", "not-dicom", "unknown-format"]
    assert index.skipped_share == 0.5
    cases = [scan.case_id for scan in index.scans] + [refusal.case_id for refusal in index.refusals]
    assert cases == [f"case {number:05d}" for number in range(1, 13)]
    assert "(CT)" in index.refusals[1].line()
    assert "SMITHJOHN" not in index.refusals[2].line()
    shown = f"{index!r}{index.scans!r}{index.refusals!r}"
    for secret in ("PAT-0", "Quintessa", "x5", "image_0"):
        assert secret not in shown
    assert {"PAT-000002", "image_1", "Quintessa", "SMITHJOHN"} & set(index.texts) == {
        "PAT-000002",
        "image_1",
        "Quintessa",
    }


def test_the_order_of_the_folder_does_not_matter(hospital, tmp_path, make_dicom):
    again = tmp_path / "again"
    for path in sorted(hospital.rglob("*.dcm"), reverse=True):
        copy = again / path.relative_to(hospital)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert index_scans(hospital).scans == index_scans(again).scans


def test_secondary_capture_is_a_class_not_a_modality(tmp_path, make_dicom):
    make_dicom(tmp_path / "s" / "1", PIXELS, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT", PatientID="A")
    make_dicom(tmp_path / "s" / "2", PIXELS, Modality="OT", PatientID="B")
    assert len(index_scans(tmp_path / "s", modalities=["CR", "SC"]).scans) == 1
    assert len(index_scans(tmp_path / "s", modalities=["CR"]).scans) == 0
    assert len(index_scans(tmp_path / "s").scans) == 2


def test_a_copy_is_refused_within_a_patient_and_told_between_patients(tmp_path, make_dicom):
    for name, patient in (("1", "A"), ("2", "A"), ("3", "B")):
        make_dicom(tmp_path / "s" / name, PIXELS, SOPInstanceUID="1.2.3", PatientID=patient)
    index = index_scans(tmp_path / "s")
    assert [scan.patient for scan in index.scans] == [PatientKey("A"), PatientKey("B")]
    assert reasons(index) == ["duplicate"]
    assert index.shared_instances == 1


def test_what_is_refused_of_one_patient_does_not_depend_on_another(tmp_path, make_dicom):
    folder = tmp_path / "s"
    for name, patient in (("b1", "B"), ("b2", "B"), ("c", "C")):
        make_dicom(folder / name, PIXELS, SOPInstanceUID="1.2.3", PatientID=patient)
    before = {scan.locator for scan in index_scans(folder).scans}
    make_dicom(folder / "a", PIXELS, SOPInstanceUID="1.2.3", PatientID="A")
    assert {scan.locator for scan in index_scans(folder).scans} == before | {"a"}


def test_the_issuer_does_not_split_a_patient(tmp_path, make_dicom):
    make_dicom(tmp_path / "s" / "1", PIXELS, PatientID="A", IssuerOfPatientID="HOSP")
    make_dicom(tmp_path / "s" / "2", PIXELS, PatientID="A")
    index = index_scans(tmp_path / "s")
    assert len({scan.patient for scan in index.scans}) == 1
    assert [scan.issuer for scan in index.scans] == ["HOSP", ""]


def test_one_id_for_everybody_is_no_privacy_unit(tmp_path, make_dicom):
    folder = tmp_path / "s"
    make_dicom(folder / "1", PIXELS)
    check_privacy_unit(index_scans(folder))
    make_dicom(folder / "2", PIXELS)
    with pytest.raises(InputUnusable, match="all 2 scans carry one patient ID") as refused:
        check_privacy_unit(index_scans(folder))
    assert "--patient-map" in refused.value.do
    check_privacy_unit(index_scans(folder, patient_map=PatientMap(by_path={"1": "A", "2": "B"})))


def test_blank_ids_everywhere(tmp_path, make_dicom):
    folder = tmp_path / "s"
    make_dicom(folder / "1", PIXELS, PatientID="")
    make_dicom(folder / "2", PIXELS, PatientID=None)
    with pytest.raises(InputUnusable, match="blank or absent") as refused:
        check_privacy_unit(index_scans(folder))
    assert "--patient-map" in refused.value.do


@pytest.mark.parametrize("content", [None, "empty", "notes", "file"])
def test_no_scans(tmp_path, content):
    scans = tmp_path / "Quintessa"
    if content == "file":
        scans.write_text("x")
    elif content is not None:
        scans.mkdir()
        if content == "notes":
            (scans / "notes.txt").write_text("x")
    with pytest.raises(InputUnusable) as refused:
        index_scans(scans)
    assert "Quintessa" not in f"{refused.value}{refused.value.do}"


def test_an_archive_is_as_many_scans_as_it_has_images(tmp_path):
    path = tmp_path / "a.npz"
    ids = np.array(["P1", "", "P2"])
    np.savez(path, images=np.zeros((3, 4, 5), np.uint8), patient_id=ids, label=[7, 8, 9], filename=["pict_1.png"] * 3)
    for scans in (path, tmp_path):
        index = index_scans(scans, modalities=["CR"])
        assert [scan.locator for scan in index.scans] == ["a.npz#0", "a.npz#2"]
        assert [scan.label for scan in index.scans] == ["7", "9"]
        assert [(scan.rows, scan.columns, scan.bits) for scan in index.scans] == [(4, 5, 8)] * 2
        assert reasons(index) == ["no-patient-id"]
        assert "pict_1" in index.texts


def test_an_archive_without_patients_needs_a_map(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, train_images=np.zeros((2, 4, 4), np.uint8), test_images=np.zeros((1, 4, 4), np.uint8))
    index = index_scans(path)
    assert [(refusal.reason, refusal.scans) for refusal in index.refusals] == [("no-patient-id", 3)]
    with pytest.raises(InputUnusable, match="blank or absent"):
        check_privacy_unit(index)
    index = index_scans(path, patient_map=PatientMap(by_path={f"a.npz#{i}": f"P{i % 2}" for i in range(3)}))
    check_privacy_unit(index)
    assert [scan.patient.patient_id for scan in index.scans] == ["P0", "P1", "P0"]


def test_progress_is_told(hospital):
    told = []
    index_scans(hospital, progress=lambda *step: told.append(step))
    assert told == [("reading headers", done, 6) for done in range(1, 7)]
