import numpy as np
import pytest
from monai.transforms import Compose, LoadImaged

from medsyngen.formats.dicom_pixels import read_pixels
from medsyngen.formats.image_reader import ScanReader
from medsyngen.formats.refusal import ScanRefused

PIXELS = np.arange(6 * 8, dtype=np.uint16).reshape(6, 8)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def cause(error):
    while error is not None and not isinstance(error, ScanRefused):
        error = error.__cause__
    return error


def test_alone_in_monai(tmp_path, make_dicom):
    path = make_dicom(tmp_path / "a.dcm", PIXELS, PhotometricInterpretation="MONOCHROME1", PixelSpacing=["0.5", "0.25"])
    load = Compose([LoadImaged("image", reader=ScanReader())])
    image = load({"image": path})["image"]
    assert tuple(image.shape) == (6, 8)
    np.testing.assert_array_equal(np.asarray(image), 4095.0 - PIXELS)
    np.testing.assert_array_equal(np.asarray(image), read_pixels(path).pixels)
    assert np.diag(np.asarray(image.affine)).tolist() == [0.5, 0.25, 1.0, 1.0]
    assert np.asarray(image.meta["value_range"]).tolist() == [0.0, 4095.0]


def test_an_image_of_an_archive(tmp_path):
    path = tmp_path / "many.npz"
    np.savez(path, images=np.stack([PIXELS, PIXELS + 1]))
    image = LoadImaged("image", reader=ScanReader())({"image": f"{path}#1"})["image"]
    np.testing.assert_array_equal(np.asarray(image), PIXELS + 1)


def test_a_refused_file_is_not_left_to_another_reader(tmp_path, make_dicom):
    coloured = {"SamplesPerPixel": 3, "PhotometricInterpretation": "HSV", "PlanarConfiguration": 0}
    path = make_dicom(tmp_path / "a.dcm", PIXELS.astype(np.uint8), bits=8, PixelData=bytes(144), **coloured)
    with pytest.raises(ScanRefused, match="colours"):
        LoadImaged("image", reader=ScanReader())({"image": path})
    with pytest.raises(RuntimeError) as raised:
        Compose([LoadImaged("image", reader=ScanReader())])({"image": path})
    assert cause(raised.value).reason == "coloured"


def test_metadata_of_the_reader_name_nobody(tmp_path, make_dicom):
    path = make_dicom(tmp_path / "Quintessa.dcm", PIXELS)
    reader = ScanReader()
    _, meta = reader.get_data(reader.read(path))
    text = repr(meta)
    assert set(meta) == {"affine", "spatial_shape", "original_channel_dim", "value_range"}
    for secret in ("Quintessa", "PAT-000001", "ACC-778899", "19991231"):
        assert secret not in text


def test_several_files_are_not_stacked(tmp_path, make_dicom):
    paths = [make_dicom(tmp_path / name, PIXELS) for name in ("a", "b")]
    with pytest.raises(ScanRefused, match="one file at a time"):
        LoadImaged("image", reader=ScanReader())({"image": paths})
