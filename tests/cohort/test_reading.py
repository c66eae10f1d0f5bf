import numpy as np
import pytest

from medsyngen.cohort import reading
from medsyngen.cohort.labels import ClassDefinition, LabelTable
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.preflight import inspect_scans
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.transforms import ScanForm
from medsyngen.errors import InputUnusable, TooManySkipped
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey

FORM = ScanForm(modalities=("CR",), size=16)
CLASSES = (ClassDefinition("normal", "0", 0.5), ClassDefinition("abnormal", "1", 0.5))
PIXELS = np.zeros((16, 16), np.uint16)


def test_patients_and_their_scans(hospital):
    result = read_cohort(hospital, form=FORM)
    assert {key.patient_id: len(result.cohort[key].pixels) for key in result.cohort} == {
        "PAT-000001": 1,
        "PAT-000002": 2,
        "PAT-000003": 3,
    }
    record = result.cohort[PatientKey("PAT-000002")]
    assert record.pixels.shape == (2, 1, 16, 16)
    np.testing.assert_allclose(record.pixels[:, 0, 0, 0], [200 / 2047.5 - 1, 300 / 2047.5 - 1], atol=1e-6)
    assert (result.accepted, result.refusals, result.unlabelled) == (6, (), 6)
    assert {"PAT-000002", "Quintessa", "ACC-778899", "image_1"} <= result.identifiers
    assert "PAT-" not in repr(result)
    assert "Quintessa" not in repr(result)


def test_labels_by_the_file_in_the_folder_or_a_given_one(hospital):
    (hospital / "labels.csv").write_text(
        "patient_id,path,label\nx,PAT-000003/image_1.dcm,0\nPAT-000003,,1\nPAT-000001,,9\n"
    )
    result = read_cohort(hospital, form=FORM, classes=CLASSES)
    classes = {key.patient_id: result.cohort[key].classes.tolist() for key in result.cohort}
    assert classes == {"PAT-000001": [2], "PAT-000002": [2, 2], "PAT-000003": [1, 0, 1]}
    assert result.unlabelled == 3
    assert not result.notices
    result = read_cohort(hospital, form=FORM, classes=CLASSES, labels=LabelTable(by_patient={"nobody": "0"}))
    assert result.unlabelled == 6
    assert "null class" in result.notices[0]


def test_an_archive_carries_its_labels_unless_a_table_says_otherwise(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8), label=[0, 1, 1], patient_id=["A", "A", "B"])
    table = LabelTable(by_path={"a.npz#1": "0"})
    result = read_cohort(tmp_path / "a.npz", form=FORM, classes=CLASSES, labels=table)
    assert result.cohort[PatientKey("A")].classes.tolist() == [0, 0]
    assert result.cohort[PatientKey("B")].classes.tolist() == [1]


def test_the_map_s_patients_and_their_labels(hospital):
    mapping = PatientMap(by_id={"PAT-000001": "PAT-000003"})
    table = LabelTable(by_patient={"PAT-000003": "1"})
    result = read_cohort(hospital, form=FORM, classes=CLASSES, labels=table, patient_map=mapping)
    assert len(result.cohort) == 2
    assert result.cohort[PatientKey("PAT-000003")].classes.tolist() == [1, 1, 1, 1]
    assert "PAT-000001" in result.identifiers


def spoil(hospital, make_dicom):
    """One file that only decoding can refuse, one that its header already refuses."""
    make_dicom(hospital / "Quint_1.dcm", PIXELS, PatientID="B", RescaleSlope="0", RescaleIntercept="1")
    (hospital / "Quint_2.dcm").write_text("text")


def test_too_many_skipped_lists_all(hospital, make_dicom):
    spoil(hospital, make_dicom)
    with pytest.raises(TooManySkipped) as refused:
        read_cohort(hospital, form=ScanForm(modalities=("CR",), size=16, max_skipped_share=0.2))
    assert refused.value.exit_code == 4
    assert [line.split(":")[1].strip() for line in refused.value.details] == ["rescale", "not-dicom"]
    shown = f"{refused.value}{refused.value.do}{refused.value.details}"
    assert "2 of 8" in shown
    for secret in ("Quint", "PAT-", "image_"):
        assert secret not in shown


def test_a_few_skipped_are_listed(hospital, make_dicom):
    spoil(hospital, make_dicom)
    result = read_cohort(hospital, form=ScanForm(modalities=("CR",), size=16, max_skipped_share=0.25))
    assert result.accepted == 6
    assert [refusal.reason for refusal in result.refusals] == ["rescale", "not-dicom"]
    assert PatientKey("B") not in result.cohort
    assert "Quint_1" in result.identifiers


def test_refused_pixels_count_towards_the_privacy_unit(tmp_path, make_dicom):
    for name, values in (("1", {}), ("2", {}), ("3", {"PatientID": "B", "RescaleSlope": "0", "RescaleIntercept": "1"})):
        make_dicom(tmp_path / "s" / name, PIXELS, **values)
    with pytest.raises(InputUnusable, match="one patient ID"):
        read_cohort(tmp_path / "s", form=ScanForm(modalities=("CR",), size=16, max_skipped_share=0.9))


def test_nothing_usable(tmp_path):
    (tmp_path / "a.dcm").write_text("text")
    with pytest.raises(InputUnusable) as refused:
        read_cohort(tmp_path, form=FORM)
    assert refused.value.exit_code == 3
    assert "case 00001: not-dicom" in refused.value.details[0]


def test_the_same_person_in_another_cohort_reads_the_same(hospital, tmp_path):
    whole = read_cohort(hospital, form=ScanForm(modalities=("CR",), size=16, window=(0.0, 300.0))).cohort
    for path in sorted((hospital / "PAT-000001").iterdir()):
        path.unlink()
    rest = read_cohort(hospital, form=ScanForm(modalities=("CR",), size=16, window=(0.0, 300.0))).cohort
    neighbour = whole.without(PatientKey("PAT-000001"))
    assert set(rest) == set(neighbour)
    for key in rest:
        np.testing.assert_array_equal(rest[key].pixels, neighbour[key].pixels)


def test_notices_are_what_inspect_tells(hospital, make_dicom):
    for patient in ("A", "B"):
        make_dicom(hospital / patient, PIXELS, PatientID=patient, SOPInstanceUID="1.2.3")
    notices = read_cohort(hospital, form=FORM).notices
    assert list(notices) == [finding.line() for finding in inspect_scans(hospital).findings]
    assert "1 pictures stand, pixel for pixel, under more than one patient ID" in notices[0]
    assert "1 SOP Instance UIDs stand under more than one patient ID" in notices[1]


def test_a_scan_that_the_recipe_s_form_refuses_is_no_part_of_what_is_told(hospital, make_dicom):
    for patient in ("A", "B"):
        make_dicom(hospital / patient, PIXELS, PatientID=patient)
    form = ScanForm(modalities=("CR",), size=16, window="per-scan", max_skipped_share=0.999)
    make_dicom(hospital / "c", np.arange(256, dtype=np.uint16).reshape(16, 16), PatientID="C")
    make_dicom(hospital / "d", np.arange(256, dtype=np.uint16).reshape(16, 16).T, PatientID="D")
    result = read_cohort(hospital, form=form)
    assert {key.patient_id for key in result.cohort} == {"C", "D"}  # all others are flat
    assert not result.notices


def test_errors_that_are_not_the_file_s_are_not_swallowed(hospital, monkeypatch):
    def broken(form):
        def run(image, ends):
            raise RuntimeError("out of memory")

        return run

    monkeypatch.setattr(reading, "forming", broken)
    with pytest.raises(RuntimeError, match="out of memory") as raised:
        read_cohort(hospital, form=FORM)
    assert not isinstance(raised.value, ScanRefused)


@pytest.mark.slow
@pytest.mark.realdata
def test_real_radiographs(real_data):
    result = read_cohort(real_data / "nih_cxr_dicom", form=ScanForm(size=32), classes=CLASSES)
    assert (result.accepted, len(result.cohort), len(result.refusals), result.unlabelled) == (1000, 264, 0, 0)
    assert [notice.split(";")[0] for notice in result.notices] == ["2 patients have more than 50 scans"]
    classes = np.concatenate([result.cohort[key].classes for key in result.cohort])
    assert np.bincount(classes).tolist() == [500, 500]
    assert any(text.startswith("Fictional^") for text in result.identifiers)
    means = np.array([record.pixels.mean() for record in result.cohort.values()])
    assert -0.6 < means.mean() < 0.6  # inverted ones turned round or not, no patient may be all black or white
    assert np.abs(means).max() < 0.95


@pytest.mark.slow
@pytest.mark.realdata
def test_a_real_archive(real_data):
    result = read_cohort(real_data / "kermany_cxr64" / "kermany_cxr64.npz", form=ScanForm(size=32), classes=CLASSES)
    assert (result.accepted, len(result.cohort), len(result.refusals)) == (5840, 3103, 0)
    assert [notice.split(";")[0] for notice in result.notices] == [
        "1 pictures stand, pixel for pixel, under more than one patient ID"
    ]
    with pytest.raises(InputUnusable, match="whose it is"):
        read_cohort(real_data / "pneumoniamnist28" / "pneumoniamnist.npz", form=ScanForm(size=32))
