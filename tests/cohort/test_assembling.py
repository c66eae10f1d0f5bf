"""Slices of one series become one scan, whole or not at all; a series never changes what becomes of another."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.assembling import assemble
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.cohort.slices import Slices
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.scan import PatientKey

AXIAL = Slices("axial", 1)
DIRECTIONS = {"axial": ((1, 0, 0), (0, 1, 0)), "coronal": ((1, 0, 0), (0, 0, -1)), "sagittal": ((0, 1, 0), (0, 0, -1))}


def series(name="1.2", patient="A", count=5, plane="axial", **values):
    row, column = DIRECTIONS[plane]
    normal = np.cross(row, column)
    return [
        IndexedScan(
            f"{patient}/{name}/{k}.dcm", f"case {k}", PatientKey(patient), "MR", 20, 30, 12, series=name,
            geometry=SliceGeometry(tuple(3.0 * k * normal), row, column, (1.0, 1.0)), **values,
        )
        for k in range(count)
    ]  # fmt: skip


def locators(scans):
    return [scan.parts or (scan.locator,) for scan in scans]


def test_a_series_is_one_scan_in_the_order_of_its_slices():
    given_scans = series()
    joined, refused = assemble([given_scans[k] for k in (3, 1, 4, 0, 2)], Slices("axial", 2))
    assert refused == []
    (volume,) = joined
    assert volume.parts == tuple(f"A/1.2/{k}.dcm" for k in range(5))
    assert (volume.locator, volume.case_id, volume.images, volume.files) == ("A/1.2/3.dcm", "case 3", 2, 5)


@pytest.mark.parametrize("plane", DIRECTIONS)
def test_images_are_counted_in_the_plane_that_the_recipe_asks_for(plane):
    counts = {"axial": {"axial": 5, "coronal": 20, "sagittal": 30},
              "coronal": {"axial": 20, "coronal": 5, "sagittal": 30},
              "sagittal": {"axial": 20, "coronal": 30, "sagittal": 5}}  # fmt: skip
    for asked, count in counts[plane].items():
        (volume,), _ = assemble(series(plane=plane), Slices(asked, 1))
        assert volume.images == count


def test_volumes_stand_where_their_first_files_stood_whichever_series_ends_first():
    first, second = series("1.2"), series("1.3")
    mixed = [scan for pair in zip(first[:4], second[:4], strict=True) for scan in pair] + [second[4], first[4]]
    joined, _ = assemble(mixed, AXIAL)
    assert [volume.series for volume in joined] == ["1.2", "1.3"]


def test_what_is_no_slice_passes():
    radiograph = replace(series(count=1)[0], modality="CR", geometry=None)
    file_of_a_volume = replace(series(count=1)[0], modality="MR", parts=("a.nii",), images=7)
    assert assemble([radiograph, file_of_a_volume], AXIAL) == ([radiograph, file_of_a_volume], [])


def test_a_series_is_refused_as_a_whole_and_counted_by_its_files():
    bad = series("1.3")
    del bad[2]
    joined, refused = assemble([*series(), *bad], AXIAL)
    assert len(joined) == 1
    ((scan, why),) = refused
    assert (why.reason, scan.files, scan.images, scan.case_id) == ("missing-slices", 4, 4, "case 0")
    assert set(scan.parts) == {each.locator for each in bad}


def test_a_slice_without_geometry_and_one_of_another_size():
    given_scans = series()
    for change, reason in (({"geometry": None}, "no-geometry"), ({"rows": 21}, "too-few-slices")):
        joined, refused = assemble([*given_scans[:-1], replace(given_scans[-1], **change)], AXIAL)
        assert [(why.reason, scan.parts) for scan, why in refused] == [(reason, (given_scans[-1].locator,))]
        assert [scan.files for scan in joined] == [4]
    alone = [replace(scan, series="") for scan in given_scans]  # nothing says what belongs together
    joined, refused = assemble(alone, AXIAL)
    assert joined == []
    assert {why.reason for _, why in refused} == {"too-few-slices"}


def changed(scans, start, **values):
    """The same slices as other files, whose planes say something else."""
    return [
        replace(scan, locator=f"{start}{number}", geometry=replace(scan.geometry, **values))
        for number, scan in enumerate(scans)
    ]


def test_a_scout_and_other_planes_are_taken_apart():
    scout = changed(series(count=3, plane="coronal"), "scout", localizer=True)
    coronal = changed(series(count=4, plane="coronal"), "c")
    fine = changed(series(count=5), "f", spacing_mm=(0.5, 0.5))
    elsewhere = changed(series(count=3), "e", frame_of_reference="1.9")
    mixed = [*scout, *series(), *elsewhere, *coronal, *fine]
    for given_scans in (mixed, mixed[::-1]):
        joined, refused = assemble(given_scans, AXIAL)
        assert sorted(scan.files for scan in joined) == [3, 4, 5, 5]
        assert [(why.reason, scan.files) for scan, why in refused] == [("localizer", 3)]
        places = [[scan.locator for scan in given_scans].index(scan.locator) for scan in joined]
        assert places == sorted(places)


@pytest.mark.parametrize("at", range(5))
def test_volumes_at_one_place_are_told_apart_by_what_their_headers_say(at):
    def of(value, first):
        return changed(series(), first, volume=tuple(value if k == at else "" for k in range(5)))

    joined, refused = assemble([s for pair in zip(of("1", "a"), of("2", "b"), strict=True) for s in pair], AXIAL)
    assert (len(joined), refused) == (2, [])
    assert {scan.parts[0][0] + scan.parts[-1][0] for scan in joined} == {"aa", "bb"}
    _, refused = assemble([*of("1", "a"), *of("1", "b")], AXIAL)  # nothing says which is which
    assert [why.reason for _, why in refused] == ["four-dimensional"]


def test_a_number_that_changes_from_slice_to_slice_takes_no_volume_apart():
    scans = [replace(s, geometry=replace(s.geometry, volume=("", "", "", "", str(k)))) for k, s in enumerate(series())]
    joined, refused = assemble(scans, AXIAL)
    assert ([scan.files for scan in joined], refused) == ([5], [])


def test_two_echoes_at_two_times_are_four_volumes():
    scans = [s for e in "12" for t in "12" for s in changed(series(), e + t, volume=(e, t, "", "", ""))]
    joined, refused = assemble(scans, AXIAL)
    assert ([scan.files for scan in joined], refused) == ([5] * 4, [])


def test_codes_that_not_all_slices_carry_are_dropped():
    given_scans = series(codes=(("PatientSex", "F"),))
    assert assemble(given_scans, AXIAL)[0][0].codes == (("PatientSex", "F"),)
    given_scans[2] = replace(given_scans[2], codes=(("PatientSex", "M"),))
    assert assemble(given_scans, AXIAL)[0][0].codes == ()


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["1", "2"]), st.integers(0, 6)), max_size=25))
def test_nothing_is_lost_and_no_patient_s_series_depends_on_another_s(files):
    planes = series(count=7)
    scans = [replace(planes[k], locator=f"{n}", patient=PatientKey(p), series=s) for n, (p, s, k) in enumerate(files)]
    joined, refused = assemble(scans, AXIAL)
    told = [part for parts in locators(joined) for part in parts] + [part for scan, _ in refused for part in scan.parts]
    assert sorted(told) == sorted(scan.locator for scan in scans)
    mine = [scan for scan in scans if scan.patient == PatientKey("A")]
    alone, alone_refused = assemble(mine, AXIAL)
    assert [scan for scan in joined if scan.patient == PatientKey("A")] == alone
    assert [w.reason for s, w in refused if s.patient == PatientKey("A")] == [w.reason for _, w in alone_refused]
