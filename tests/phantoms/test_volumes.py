"""Phantoms in three dimensions: whole labels inside the body, textures and noise, the same from the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from medsyngen.errors import UsageError
from medsyngen.formats.label_codes import to_labels
from medsyngen.phantoms.anatomies.volumes.fields import smooth_volume
from medsyngen.phantoms.catalogue import VOLUME_PHANTOMS, any_phantom, phantom
from medsyngen.phantoms.mix import PhantomMix

SPACE = (12, 16, 12)


def drawn(name, count=6, seed=0, space=SPACE):
    source, rng = VOLUME_PHANTOMS[name], np.random.default_rng(seed)
    return source.render_volumes(source.space.draw(count, rng), space, rng)


@pytest.mark.parametrize("name", VOLUME_PHANTOMS)
def test_volumes_have_their_form(name):
    images, labels = drawn(name)
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((6, *SPACE), np.float32, (6, *SPACE), np.uint8)
    assert images.min() >= -1
    assert images.max() <= 1
    assert set(np.unique(labels)) == set(range(VOLUME_PHANTOMS[name].labels))
    assert (images.std(axis=(1, 2, 3)) > 0.1).all()
    again, other = drawn(name)[0], drawn(name, seed=1)[0]
    assert (again == images).all()
    assert (other != images).any()


@pytest.mark.parametrize("name", VOLUME_PHANTOMS)
def test_every_parameter_changes_something(name):
    source = VOLUME_PHANTOMS[name]
    middle = np.full((1, len(source.space.names)), 0.5)
    silent = []
    for column, parameter in enumerate(source.space.names):
        pictures = []
        for place in (0.02, 0.98):
            places = middle.copy()
            places[0, column] = place
            pictures.append(source.render_volumes(source.space.at(places), SPACE, np.random.default_rng(3)))
        if all((one == other).all() for one, other in zip(*pictures, strict=True)):
            silent.append(parameter)
    assert silent == []


def test_the_front_of_a_hippocampus_lies_in_front():
    images, labels = drawn("hippocampus_mr", 24, space=(16, 24, 16))
    y = np.arange(24)[None, :, None]
    means = [((labels == k) * y).sum(axis=(1, 2, 3)) / (labels == k).sum(axis=(1, 2, 3)) for k in (1, 2)]
    assert (means[0] > means[1]).all()
    share = (labels > 0).mean()
    assert 0.01 < share < 0.2
    inside, outside = images[labels > 0], images[(labels == 0) & (images > -1)]
    assert inside.mean() < outside.mean()  # grey matter in white


def test_a_smooth_field_has_no_waves_finer_than_asked():
    coarse, fine = (smooth_volume(cycles, 2, (16, 16, 16), np.random.default_rng(0)) for cycles in (1.0, 6.0))
    steps = [np.abs(np.diff(field, axis=1)).mean() for field in (coarse, fine)]
    assert steps[0] < 0.4 * steps[1]
    assert coarse.std(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-4)


def test_mixes_give_images_and_levels_of_their_maps():
    mix = PhantomMix((("hippocampus_mr", 1.0),))
    both = mix.draw(3, (2, *SPACE), np.random.default_rng(0))
    assert both.shape == (3, 2, *SPACE)
    assert set(np.unique(both[:, 1])) <= {-1.0, 0.0, 1.0}
    assert (to_labels(both[:, 1], 3) == 0).mean() > 0.7
    assert mix.draw(2, (1, *SPACE), np.random.default_rng(0)).shape == (2, 1, *SPACE)
    assert mix.identity()["hippocampus_mr"]["version"] == 1


@pytest.mark.parametrize(
    ("name", "size", "labels"),
    [
        ("hippocampus_mr", 32, None),
        ("chest_radiograph", (1, 8, 8, 8), None),
        ("hippocampus_mr", (2, 8, 8, 8), 4),
        ("head_mr", (2, 8, 8, 8), 3),
    ],
)
def test_phantoms_that_do_not_fit_are_refused(name, size, labels):
    with pytest.raises(UsageError, match=name):
        PhantomMix(((name, 1.0),)).check_size(size, labels)
    assert any_phantom(name).name == name


def test_methods_of_pictures_get_no_phantom_of_volumes():
    with pytest.raises(UsageError, match="draws volumes"):
        phantom("head_mr")
