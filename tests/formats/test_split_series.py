"""One series of a scout, two echoes and another plane: the volumes that dcm2niix makes of the same folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_maker import make_dicom
from second_readers import by_dcm2niix, by_simpleitk, difference, need_dcm2niix

from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.slices import Slices
from medsyngen.formats.volume_reading import read_volume

MR = "1.2.840.10008.5.1.4.1.1.4"
AXIAL, CORONAL, SAGITTAL = [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]


def stack(folder: Path, name: str, directions: list[int], slices: int, **values: object) -> None:
    """Writes slices 3 mm apart, in files whose names say nothing of their order."""
    rng = np.random.default_rng(len(name))
    row, column = np.reshape(directions, (2, 3))
    normal = np.cross(row, column)
    for number in rng.permutation(slices):
        place = -20.0 * (row + column) + 3.0 * int(number) * normal
        pixels = rng.integers(0, 4096, (20, 24), dtype=np.uint16)
        make_dicom(
            folder / f"{rng.integers(1 << 40):x}.dcm", pixels, SOPClassUID=MR, Modality="MR", PatientID="A",
            StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", FrameOfReferenceUID="1.2.3.5", SeriesNumber=3,
            ImageOrientationPatient=directions, ImagePositionPatient=place.tolist(), PixelSpacing=[1.5, 1.25],
            SliceThickness=3.0, InstanceNumber=int(number) + 1, ScanningSequence="SE", MRAcquisitionType="2D",
            RepetitionTime=500.0, **values,
        )  # fmt: skip


@pytest.fixture
def series(tmp_path: Path) -> Path:
    stack(tmp_path, "scout", SAGITTAL, 1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], EchoNumbers=1, EchoTime=5.0)
    for echo, name in ((1, "first echo"), (2, "the second echo")):
        image = ["ORIGINAL", "PRIMARY", "M"]
        stack(tmp_path, name, AXIAL, 5, ImageType=image, EchoNumbers=echo, EchoTime=20.0 * echo)
    stack(tmp_path, "another plane", CORONAL, 4, ImageType=["ORIGINAL", "PRIMARY", "M"], EchoNumbers=1, EchoTime=20.0)
    return tmp_path


def test_parts_of_a_series_are_the_volumes_that_other_programs_find(series: Path) -> None:
    need_dcm2niix()
    index = index_scans(series, slices=Slices("axial", 1))
    assert sorted(len(scan.parts) for scan in index.scans) == [4, 5, 5]
    assert [refusal.reason for refusal in index.refusals] == ["localizer"]
    theirs = [volume for volume in by_dcm2niix(sorted(series.glob("*.dcm"))) if volume.pixels.shape[2] > 1]
    assert len(theirs) == 3
    for scan in index.scans:
        mine = read_volume(index.addresses(scan))
        apart = sorted(difference(mine, other) for other in theirs)
        assert apart[0][0] <= 2e-7
        assert apart[0][1] <= 0.01
        assert apart[1][0] > 0.1  # and none of the others
        values, places = difference(mine, by_simpleitk([Path(each) for each in index.addresses(scan)]))
        assert (values, round(places, 3)) == (0.0, 0.0)
