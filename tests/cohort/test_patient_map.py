import pytest

from medsyngen.cohort.patient_map import PatientMap, patient_key
from medsyngen.errors import InputUnusable
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey


def read(tmp_path, text):
    path = tmp_path / "map.csv"
    path.write_text(text)
    return PatientMap.read(path)


def test_by_path_every_scan_must_be_named(tmp_path):
    mapping = read(tmp_path, "path,patient_id\n./a/1.dcm,P1\nb.npz#12,P2\n")
    assert mapping.identify("a/1.dcm", "ANON") == PatientKey("P1")
    assert mapping.identify("b.npz#12", "") == PatientKey("P2")
    with pytest.raises(ScanRefused) as refused:
        mapping.identify("a/2.dcm", "P1")
    assert refused.value.reason == "not-in-map"
    assert {"P1", "P2", "a/1.dcm", "b.npz#12"} == set(mapping.identifiers())


def test_by_id_joins_and_leaves_the_rest(tmp_path):
    mapping = read(tmp_path, "patient_id,mapped_to\nOLD,NEW\n")
    assert mapping.identify("x", "OLD") == mapping.identify("y", "NEW") == PatientKey("NEW")
    assert mapping.identify("z", "other") == PatientKey("other")
    with pytest.raises(ScanRefused) as refused:
        mapping.identify("z", "")
    assert refused.value.reason == "no-patient-id"


@pytest.mark.parametrize(
    "text",
    [
        "path,patient_id\n",
        "path,label\na,1\n",
        "path,patient_id,mapped_to\na,b,c\n",
        "path,patient_id\na,P1\n./a,P2\n",
        "path,patient_id\na,\n",
        "patient_id,mapped_to\n,P1\n",
    ],
)
def test_unusable_maps(tmp_path, text):
    with pytest.raises(InputUnusable):
        read(tmp_path, text)


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_blank_is_nobody(blank):
    with pytest.raises(ScanRefused):
        patient_key(blank)


def test_ids_that_look_alike_stay_apart():
    assert len({patient_key(text) for text in ("ab", "AB", " ab")}) == 3
