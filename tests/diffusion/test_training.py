import numpy as np
import torch

from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.training import PublicTraining, train_on_phantoms
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.randomness import Streams

TINY = UNetSize(channels=(8, 8), attention=(False, False), norm_groups=4, head_channels=8)


def squares(count: int, rng: np.random.Generator):
    images = np.full((count, 1, 8, 8), -0.8, np.float32)
    images[:, :, 2:6, 2:6] = rng.uniform(0.3, 0.8, (count, 1, 1, 1)).astype(np.float32)
    return images


def run(steps: int, seed: int = 0):
    return train_on_phantoms(
        build_unet(TINY, image_channels=1, class_rows=1, seed=1),
        squares,
        PublicTraining(steps=steps, batch_size=16, learning_rate=3e-3, ema_decay=0.9, noise=NoiseLaw(-0.5, 1.5)),
        sigma_range=(0.002, 80.0),
        streams=Streams(seed),
        device=torch.device("cpu"),
    )


def test_training_repeats_with_its_seed_and_changes_with_it():
    a, b, c = run(2), run(2), run(2, seed=1)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)


def test_training_lowers_the_error_on_phantoms_not_seen():
    from medsyngen.diffusion.denoiser import network_error

    net = build_unet(TINY, image_channels=1, class_rows=1, seed=1)
    y = torch.from_numpy(squares(64, np.random.default_rng(99)))
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    sigma = torch.logspace(-1, 1, 64)
    null = torch.zeros(64, dtype=torch.long)
    trained = run(60)
    with torch.no_grad():
        before = network_error(net, dict(net.named_parameters()), y, noise, sigma, null).mean()
        after = network_error(net, trained, y, noise, sigma, null).mean()
    assert after < 0.6 * before
