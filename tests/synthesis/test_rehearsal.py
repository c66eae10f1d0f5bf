import numpy as np
import pytest
import torch

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.errors import MedsyngenError, UsageError
from medsyngen.privacy.dpsgd import DPSGD
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.rehearsal import rehearse

TINY = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)


def parts(trained: bool):
    net = build_unet(TINY, image_channels=1, class_rows=3, seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    weights = {
        k: v.detach() + (0.05 if trained else 0) * torch.randn(v.shape, generator=generator)
        for k, v in net.named_parameters()
    }
    phantoms = np.random.default_rng(0).uniform(-1, 1, (9, 1, 8, 8)).astype(np.float32)
    return ContextLoss(net, StageBands().split(64)[1], NoiseLaw(0.0, 1.2), 2, 2), weights, phantoms


def run(trained: bool, folder):
    loss, weights, phantoms = parts(trained)
    training = DPSGD(micro_batch=4)
    rehearse(loss, weights, training, phantoms, class_rows=3, folder=folder, device=torch.device("cpu"))


def test_a_good_start_passes_and_leaves_nothing_behind(tmp_path):
    run(True, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_without_a_gradient_is_named(tmp_path):
    """MONAI zero-initialises output layers: without public training nothing before them gets a gradient."""
    with pytest.raises(UsageError, match="without a gradient") as error:
        run(False, tmp_path)
    assert any("conv_in" in name for name in error.value.details)


def test_a_full_disk_is_told_before_the_first_charge(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("medsyngen.synthesis.rehearsal.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(MedsyngenError, match="MB free"):
        run(True, tmp_path)
