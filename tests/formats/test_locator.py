import pickle

import numpy as np
import pytest

from medsyngen.formats.locator import ImageSource
from medsyngen.formats.refusal import ScanRefused


def test_a_changed_archive_is_read_again(tmp_path):
    path = tmp_path / "a.npz"
    source = ImageSource()
    for value in (1, 2):
        np.savez(path, images=np.full((1, 2, value), value, np.uint8))
        assert (source.read(f"{path}#0").pixels == value).all()


def test_a_dicom_file_may_be_named_like_an_address(tmp_path, make_dicom):
    path = make_dicom(tmp_path / "odd.npz#3", np.full((2, 2), 7, np.uint16))
    assert (ImageSource().read(str(path)).pixels == 7).all()


def test_what_is_absent_is_refused(tmp_path):
    with pytest.raises(ScanRefused):
        ImageSource().read(str(tmp_path / "none.npz#0"))
    with pytest.raises(ScanRefused):
        ImageSource().read(str(tmp_path / "none"))


def test_pixels_do_not_travel_in_a_pickle(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=np.zeros((100, 100, 100), np.uint8))
    source = ImageSource()
    source.read(f"{path}#1")
    assert len(pickle.dumps(source)) < 1000
    assert (pickle.loads(pickle.dumps(source)).read(f"{path}#1").pixels == 0).all()
