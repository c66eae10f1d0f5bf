"""Scans kept compressed are the scans that were put in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.header_words import Looks
from medsyngen.cohort.packed_scans import PackedScans
from medsyngen.cohort.scan_index import IndexedScan
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.scan import PatientKey


def scan(number, **more):
    plane = SliceGeometry((0.1, 0.2, float(number)), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.7, 0.7), None, "1.2.3", False)
    patient = PatientKey(f"P{number // 10}")
    return IndexedScan(
        f"p/\udcff{number:06d}", f"case {number:05d}", patient, "CT", 512, 512, 12, series="1.2", geometry=plane, **more
    )


@given(st.integers(0, 700), st.data())
def test_what_is_packed_comes_back_in_order_and_by_place(count, data):
    scans = [scan(number, looks=Looks(vendor="x" * (number % 3))) for number in range(count)]
    packed = PackedScans(scans)
    assert len(packed) == count
    assert list(packed) == scans
    assert list(packed) == scans  # a second time
    places = data.draw(st.lists(st.integers(-count, count - 1), max_size=20)) if count else []
    assert [packed[place] for place in places] == [scans[place] for place in places]
    assert packed[count // 3 : count // 2 : 2] == scans[count // 3 : count // 2 : 2]


def test_a_place_beyond_the_end_is_an_error():
    packed = PackedScans(map(scan, range(300)))
    for place in (300, -301):
        with pytest.raises(IndexError):
            packed[place]


def test_ten_thousand_scans_take_little_memory():
    packed = PackedScans(map(scan, range(10_000)))
    assert sum(map(len, packed._blocks)) < 100 * 10_000
