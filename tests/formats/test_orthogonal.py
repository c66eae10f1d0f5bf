"""Three planes of a volume: the right voxels, the right way up."""

from __future__ import annotations

import numpy as np

from medsyngen.formats.orthogonal import as_pictures, orthogonal_views, views_shape


def test_every_plane_shows_its_voxels_as_people_look_at_them():
    volume = np.random.default_rng(0).uniform(-1, 1, (3, 5, 4)).astype(np.float32)
    picture = orthogonal_views(volume)
    assert picture.shape == views_shape(volume.shape) == (5, 11)
    axial, coronal, sagittal = picture[:, :3], picture[:4, 3:6], picture[:4, 6:]
    # Row 0 in front, column 0 on the patient's right; row 0 at the head; column 0 in front.
    assert axial[0, 0] == volume[2, 4, 2]
    assert axial[4, 2] == volume[0, 0, 2]
    assert coronal[0, 0] == volume[2, 2, 3]
    assert coronal[3, 2] == volume[0, 2, 0]
    assert sagittal[0, 0] == volume[1, 4, 3]
    assert sagittal[3, 4] == volume[1, 0, 0]
    assert (picture[4, 3:] == -1).all()


def test_pictures_stay_and_maps_stand_below_their_volume():
    flat = np.zeros((2, 1, 4, 4), np.float32)
    assert as_pictures(flat) is flat
    volumes = np.random.default_rng(0).uniform(-1, 1, (2, 2, 3, 5, 4)).astype(np.float32)
    sheet = as_pictures(volumes)
    assert sheet.shape == (2, 1, 10, 11)
    assert (sheet[1, 0, 5:] == orthogonal_views(volumes[1, 1])).all()
