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

CPU = torch.device("cpu")
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
    rehearse(loss, weights, training, phantoms, class_rows=3, folder=folder, device=CPU)


def test_a_good_start_passes_and_leaves_nothing_behind(tmp_path):
    run(True, tmp_path)
    assert list(tmp_path.iterdir()) == []


class Deaf:
    """A loss behind a layer of zeros: nothing before that layer gets a gradient."""

    def __init__(self, loss):
        self.draw, self._loss = loss.draw, loss

    def __call__(self, parameters, drawn):
        silenced = {name: torch.zeros_like(value) for name, value in parameters.items() if name.startswith("out.2")}
        assert silenced
        return self._loss({**parameters, **silenced}, drawn)


def test_a_parameter_without_a_gradient_is_named(tmp_path):
    loss, weights, phantoms = parts(True)
    with pytest.raises(UsageError, match="without a gradient") as error:
        rehearse(Deaf(loss), weights, DPSGD(micro_batch=4), phantoms, class_rows=3, folder=tmp_path, device=CPU)
    assert any("conv_in" in name for name in error.value.details)


def test_layers_that_begin_with_zeros_show_unless_the_weights_are_known_to_be_untrained(tmp_path):
    """MONAI zero-initialises output layers: without public training nothing before them gets a gradient."""
    with pytest.raises(UsageError, match="without a gradient") as error:
        run(False, tmp_path)
    assert any("conv_in" in name for name in error.value.details)
    loss, weights, phantoms = parts(False)
    training = DPSGD(micro_batch=4)
    rehearse(loss, weights, training, phantoms, class_rows=3, untrained=weights, folder=tmp_path, device=CPU)


def test_every_row_of_every_attribute_is_rehearsed(tmp_path, monkeypatch):
    loss, weights, phantoms = parts(True)
    net = build_unet(TINY, image_channels=1, class_rows=(3, 4), seed=0).eval()
    table = torch.randn((7, weights["class_embedding.weight"].shape[1]), generator=torch.Generator().manual_seed(1))
    name = "class_embedding.table.weight"
    several = {name if "class" in key else key: table if "class" in key else v for key, v in weights.items()}
    met = []
    real = ContextLoss.draw
    monkeypatch.setattr(
        ContextLoss, "draw", lambda self, record, stream: met.append(record.classes) or real(self, record, stream)
    )
    training = DPSGD(micro_batch=4)
    loss = ContextLoss(net, loss.band, loss.law, 2, 2)
    rehearse(loss, several, training, phantoms, class_rows=(3, 4), folder=tmp_path, device=CPU)
    assert {tuple(row) for rows in met for row in rows} == {(i % 3, 3 + i % 4) for i in range(len(phantoms))}


@pytest.mark.parametrize("size", [2, 5])
def test_a_step_in_a_subspace_is_rehearsed_at_the_weights_of_the_first_step(tmp_path, size):
    loss, weights, phantoms = parts(True)
    asked = []

    def subspace(step, at):
        asked.append((step, torch.cat([value.flatten() for value in at.values()])))
        return torch.linalg.qr(torch.randn(len(asked[0][1]), size, generator=torch.Generator().manual_seed(0)))[0]

    training = DPSGD(micro_batch=4)
    rehearse(loss, weights, training, phantoms, class_rows=3, subspace=subspace, folder=tmp_path, device=CPU)
    ((step, at),) = asked
    assert step == 0
    assert (at - torch.cat([value.flatten() for value in weights.values()])).abs().max() < 0.1


def test_a_full_disk_is_told_before_the_first_charge(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("medsyngen.synthesis.rehearsal.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(MedsyngenError, match="MB free"):
        run(True, tmp_path)
