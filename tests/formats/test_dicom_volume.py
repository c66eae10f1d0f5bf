"""Objects of many frames: what is said of each frame is used for that frame."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.slices import Slices
from medsyngen.formats.dicom import read_header
from medsyngen.formats.dicom_pixels import read_frames, read_pixels
from medsyngen.formats.dicom_volume import read_multi_frame
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.volume_reading import read_volume

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
STORED = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)


def item(**values):
    data = Dataset()
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


def enhanced(path, make_dicom, *, heights=(30.0, 10.0, 20.0, 0.0), slopes=(1.0, 2.0, 3.0, 4.0), **values):
    """Four sagittal-like frames in mixed order, each with its own place and rescale."""
    frames = []
    for height, slope in zip(heights, slopes, strict=True):
        frame = item(
            PlanePositionSequence=[item(ImagePositionPatient=[1.0, 2.0, height])],
            PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=-1.0, RescaleType="US")],
        )
        frames.append(frame)
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.25], SliceThickness=9.0)],
    )
    groups = {"PerFrameFunctionalGroupsSequence": frames, "SharedFunctionalGroupsSequence": [shared]}
    return make_dicom(
        path,
        STORED[0],
        SOPClassUID=ENHANCED_MR,
        Modality="MR",
        NumberOfFrames=len(heights),
        FrameOfReferenceUID="1.2.3",
        **({"PixelData": STORED.tobytes()} | groups | values),
    )


def test_each_frame_has_its_own_place_and_rescale(tmp_path, make_dicom):
    found = read_frames(enhanced(tmp_path / "a", make_dicom))
    for number, slope in enumerate((1.0, 2.0, 3.0, 4.0)):
        np.testing.assert_array_equal(found.pixels[number], STORED[number] * slope - 1)
    assert [plane.position[2] for plane in found.planes] == [30, 10, 20, 0]
    assert found.value_range == (-1, 4 * 4095 - 1)


def test_frames_become_a_volume_in_order_of_place(tmp_path, make_dicom):
    path = enhanced(tmp_path / "a", make_dicom)
    volume = read_volume([str(path)])
    assert volume.pixels.shape == (6, 5, 4)
    np.testing.assert_array_equal(volume.pixels[:, :, 0], (STORED[3] * 4.0 - 1).T)
    np.testing.assert_array_equal(volume.pixels[:, :, 3], (STORED[0] * 1.0 - 1).T)
    expected = np.diag([-0.25, -0.5, 10.0, 1.0])
    expected[:3, 3] = [-1.0, -2.0, 0.0]
    np.testing.assert_allclose(volume.affine, expected)
    assert read_header(path).plane.spacing_mm == (0.5, 0.25)


def test_the_index_takes_it_as_a_volume_or_says_what_to_set(tmp_path, make_dicom):
    enhanced(tmp_path / "s" / "a", make_dicom)
    (scan,) = index_scans(tmp_path / "s", slices=Slices("axial", 2)).scans
    assert scan.images == len(Slices("axial", 2).numbers(4))
    assert scan.parts == (scan.locator,)
    (refusal,) = index_scans(tmp_path / "s").refusals
    assert refusal.reason == "volume"
    assert "scans.slices" in refusal.do


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PerFrameFunctionalGroupsSequence": None, "SharedFunctionalGroupsSequence": None}, "multi-frame"),
        ({"heights": (0.0, 10.0, 0.0, 10.0)}, "four-dimensional"),
        ({"heights": (0.0, 10.0, 20.0, 40.0)}, "missing-slices"),
        ({"PixelData": STORED.tobytes()[:-10]}, "truncated"),
        ({"slopes": (1.0, 1.0, 0.0, 1.0)}, "rescale"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, make_dicom, change, reason):
    path = enhanced(tmp_path / "a", make_dicom, **change)
    with pytest.raises(ScanRefused) as refused:
        read_multi_frame(path)
    assert refused.value.reason == reason


def test_a_frame_without_a_place_among_others(tmp_path, make_dicom):
    path = enhanced(tmp_path / "a", make_dicom)
    dataset = pydicom.dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    dataset.save_as(path)
    with pytest.raises(ScanRefused, match="some frames"):
        read_multi_frame(path)


def test_one_enhanced_frame_is_a_picture(tmp_path, make_dicom):
    path = enhanced(tmp_path / "a", make_dicom, heights=(5.0,), slopes=(2.0,), PixelData=STORED[0].tobytes())
    image = read_pixels(path)
    np.testing.assert_array_equal(image.pixels, STORED[0] * 2.0 - 1)
    assert image.spacing_mm == (0.5, 0.25)


@pytest.mark.realdata
def test_real_enhanced_objects(real_data):
    image = read_frames(real_data / "dicom_odd_dev" / "pydicom-data__eCT_Supplemental.dcm")
    assert [round(plane.position[2] - image.planes[0].position[2], 3) for plane in image.planes] == [0.0, 10.0]
    assert image.value_range == (-1024.0, 64511.0)
