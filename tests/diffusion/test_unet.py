import pytest
import torch

from medsyngen.diffusion.unet import UNetSize, build_unet, check_image_size, with_classes
from medsyngen.errors import UsageError

TINY = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)


def test_first_weights_repeat_and_leave_the_global_stream_alone():
    before = torch.get_rng_state()
    a = build_unet(TINY, image_channels=1, class_rows=1, seed=5).state_dict()
    b = build_unet(TINY, image_channels=1, class_rows=1, seed=5).state_dict()
    c = build_unet(TINY, image_channels=1, class_rows=1, seed=6).state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)
    assert torch.equal(before, torch.get_rng_state())


def test_default_network_has_the_size_that_the_speeds_were_measured_at():
    net = build_unet(UNetSize(), image_channels=1, class_rows=1, seed=0)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(454_000, rel=0.01)


def test_every_class_starts_as_a_copy_of_the_null_class():
    weights = dict(build_unet(TINY, image_channels=1, class_rows=1, seed=0).state_dict())
    wide = with_classes(weights, 3)["class_embedding.weight"]
    assert wide.shape[0] == 4
    assert bool((wide == wide[0]).all())
    with pytest.raises(ValueError, match="null class only"):
        with_classes({**weights, "class_embedding.weight": wide}, 2)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="can't pass"):
        check_image_size(UNetSize(), 30)
    with pytest.raises(ValueError, match="norm_groups"):
        UNetSize(channels=(10,), attention=(False,))
    with pytest.raises(ValueError, match="levels"):
        UNetSize(channels=(16,), attention=(False, True))
