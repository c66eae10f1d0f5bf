"""Which map belongs to which volume: by the recipe's rule, and to nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medsyngen.cohort.label_maps import FoundMap, LabelMaps, with_maps
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.errors import InputUnusable, UsageError
from medsyngen.scan import PatientKey

ONE, OTHER = PatientKey("one"), PatientKey("other")
IN_FOLDER, BESIDE = LabelMaps(3, folder="labelsTr"), LabelMaps(3, suffix="_seg")


def scan(locator, patient=ONE, parts=()):
    return IndexedScan(locator, "case 00001", patient, "OT", 8, 8, 0, parts=parts or (locator,))


def found(rule, *locators, owner=None):
    return {rule.of_map(each): [FoundMap(each, "case 00002", owner)] for each in locators}


@pytest.mark.parametrize(
    ("rule", "volume", "of_it"),
    [
        (IN_FOLDER, "imagesTr/a.nii.gz", "labelsTr/a.nii.gz"),
        (IN_FOLDER, "imagesTr/a.nii.gz", "labelsTr/a.nii"),
        (IN_FOLDER, "a.nii.gz", "labelsTr/a.nii.gz"),
        (IN_FOLDER, "ward/b/imagesTr/a.nii.gz", "ward/b/labelsTr/a.nii.gz"),
        (BESIDE, "b/a.nii.gz", "b/a_seg.nii.gz"),
    ],
)
def test_maps_are_found_by_the_rule(rule, volume, of_it):
    paired, refused = with_maps([scan(volume)], found(rule, of_it), rule)
    assert ([each.label_map for each in paired], refused) == ([of_it], [])
    assert paired[0].files == 2
    assert paired[0].locators == (volume, of_it)


def test_a_series_goes_by_the_name_of_its_folder():
    series = scan("imagesTr/s/1.dcm", parts=("imagesTr/s/1.dcm", "imagesTr/s/2.dcm"))
    paired, _ = with_maps([series], found(IN_FOLDER, "labelsTr/s.nii.gz"), IN_FOLDER)
    assert paired[0].label_map == "labelsTr/s.nii.gz"


def test_what_is_no_map_by_the_rule_is_a_volume():
    assert IN_FOLDER.of_map("imagesTr/a.nii.gz") is None
    assert IN_FOLDER.of_map("labelsTr/deeper/a.nii.gz") is None
    assert BESIDE.of_map("b/a.nii.gz") is None


def test_what_lacks_its_other_half_is_refused():
    maps = found(IN_FOLDER, "labelsTr/b.nii.gz")
    paired, refused = with_maps([scan("imagesTr/a.nii.gz")], maps, IN_FOLDER)
    assert paired == []
    assert [why.reason for _, why in refused] == ["no-label-map", "label-map-alone"]


def test_a_map_of_another_patient_makes_no_pair():
    """Else a file of one patient would stand in another one's record."""
    maps = found(IN_FOLDER, "labelsTr/a.nii.gz", owner=OTHER)
    paired, refused = with_maps([scan("imagesTr/a.nii.gz")], maps, IN_FOLDER)
    assert paired == []
    assert "label-map-owner" in [why.reason for _, why in refused]
    assert with_maps([replace(scan("imagesTr/a.nii.gz"), patient=OTHER)], maps, IN_FOLDER)[1] == []


def test_one_map_serves_one_volume_of_a_patient():
    both = [scan("imagesTr/a.nii.gz"), scan("other/a.nii.gz")]
    paired, refused = with_maps(both, found(IN_FOLDER, "labelsTr/a.nii.gz"), IN_FOLDER)
    assert len(paired) == 1
    assert [why.reason for _, why in refused] == ["label-map-twice"]


def test_a_map_that_several_patients_would_take_stops_everything():
    both = [scan("imagesTr/a.nii.gz"), scan("other/a.nii.gz", OTHER)]
    with pytest.raises(InputUnusable, match="several patients: 1"):
        with_maps(both, found(IN_FOLDER, "labelsTr/a.nii.gz"), IN_FOLDER)


@pytest.mark.parametrize(
    ("volumes", "maps"),
    [
        ({"t1": "C", "p1/t1": "A", "p2/t1": "B"}, {"labels/t1": "C", "p1/labels/t1": "A", "p2/labels/t1": "B"}),
        ({"images/a.nii": "A", "images/a.nii.gz": "B"}, {"labels/a.nii": "A", "labels/a.nii.gz": "B"}),
        ({"imagesTr/a": "A", "imagesVal/a": "B"}, {"labels/a": "B"}),
        ({"imagesTr/a": "A", "imagesVal/a": "A", "b/a": "B"}, {"labels/a": "A", "b/labels/a": "B"}),
    ],
)
def test_of_whom_a_record_is_made_hangs_on_no_other_patient(volumes, maps):
    """Else adding one patient's files would change the records of many, and be charged as one."""
    rule = LabelMaps(3, folder="labels")

    def cohort(*without):
        those: dict = {}
        for locator, owner in maps.items():
            if owner not in without:
                those.setdefault(rule.of_map(locator), []).append(FoundMap(locator, "case", PatientKey(owner)))
        scans = [scan(locator, PatientKey(owner)) for locator, owner in volumes.items() if owner not in without]
        return {(each.locator, each.label_map) for each in with_maps(scans, those, rule)[0]}

    owner_of = {locator: owner for locator, owner in volumes.items()}
    for patient in set(volumes.values()):
        assert cohort(patient) == {pair for pair in cohort() if owner_of[pair[0]] != patient}


def test_an_archive_is_a_folder():
    rule = LabelMaps(3, folder="labelsTr")
    assert rule.of_map("x.zip!labelsTr/a.nii.gz") in rule.of_volume(scan("x.zip!imagesTr/a.nii.gz"))


@pytest.mark.parametrize("bad", [{"folder": "a", "suffix": "b"}, {}, {"folder": "a/b"}, {"suffix": " "}, {"values": 1}])
def test_a_rule_that_says_nothing_clear_is_refused(bad):
    with pytest.raises(UsageError, match="label_maps"):
        LabelMaps(**{"values": 3, **bad})
