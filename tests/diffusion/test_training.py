import threading

import numpy as np
import pytest
import torch
from small_training import TINY, numbers, squares

from medsyngen.averaging import MovingAverage
from medsyngen.diffusion import training as training_module
from medsyngen.diffusion.denoiser import network_error
from medsyngen.diffusion.training import train_on_phantoms
from medsyngen.diffusion.unet import build_unet
from medsyngen.randomness import Streams


def run(steps: int, seed: int = 0, draw=squares, prediction: str = "edm"):
    return train_on_phantoms(
        build_unet(TINY, image_channels=1, class_rows=1, seed=1),
        draw,
        numbers(steps),
        sigma_range=(0.002, 80.0),
        streams=Streams(seed),
        device=torch.device("cpu"),
        prediction=prediction,
    )


def test_training_repeats_with_its_seed_and_changes_with_it():
    a, b, c = run(2), run(2), run(2, seed=1)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)


@pytest.mark.parametrize(("prediction", "other"), [("edm", "v"), ("v", "edm")])
def test_training_lowers_the_error_of_its_prediction_on_phantoms_not_seen(prediction, other):
    net = build_unet(TINY, image_channels=1, class_rows=1, seed=1)
    y = torch.from_numpy(squares(64, np.random.default_rng(99)))
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
    sigma = torch.logspace(-1, 1, 64)
    null = torch.zeros(64, dtype=torch.long)
    trained = run(60, prediction=prediction)
    with torch.no_grad():
        before = network_error(net, dict(net.named_parameters()), y, noise, sigma, null, prediction=prediction).mean()
        after = network_error(net, trained, y, noise, sigma, null, prediction=prediction).mean()
        mistaken = network_error(net, trained, y, noise, sigma, null, prediction=other).mean()
    assert after < 0.6 * before
    assert after < 0.6 * mistaken


def one_after_the_other(steps: int, seed: int) -> dict[str, torch.Tensor]:
    """The training as it is written down: each step draws its phantoms, then its noise, then learns."""
    network, training = build_unet(TINY, image_channels=1, class_rows=1, seed=1).train(), numbers(steps)
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    parameters = dict(network.named_parameters())
    average = MovingAverage(parameters, training.ema_decay)
    streams = Streams(seed)
    for step in range(steps):
        y = torch.from_numpy(squares(16, streams.numpy("phantoms", step)))
        generator = torch.Generator().manual_seed(streams.torch_seed("public noise", step))
        u = torch.rand(16, generator=generator, dtype=torch.float64)
        sigma = training.noise.levels(u, 0.002, 80.0).to(torch.float32)
        noise = torch.randn(y.shape, generator=generator)
        loss = network_error(network, parameters, y, noise, sigma, torch.zeros(16, dtype=torch.int64)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update(parameters)
    return average.weights


@pytest.mark.parametrize("threads", [1, 4])
def test_drawing_ahead_gives_the_very_bits_of_drawing_in_turn(monkeypatch, threads):
    """Experts are kept under a hash that says nothing of threads: they must not show."""
    monkeypatch.setattr(training_module, "_threads_ahead", lambda device: threads)
    ahead, in_turn = run(7, seed=4), one_after_the_other(7, seed=4)
    assert ahead.keys() == in_turn.keys()
    assert all(torch.equal(ahead[name], in_turn[name]) for name in ahead)


def test_an_error_of_a_phantom_ends_the_training_and_its_thread():
    def broken(count, rng):
        if threading.current_thread() is threading.main_thread():
            raise AssertionError("phantoms are drawn beside the network, not in its way")
        raise MemoryError("no room for phantoms")

    before = threading.active_count()
    with pytest.raises(MemoryError, match="no room"):
        run(3, draw=broken)
    assert threading.active_count() == before
