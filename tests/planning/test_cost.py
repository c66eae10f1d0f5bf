"""Time and memory: held against a real private step in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from medsyngen.diffusion.unet import build_unet
from medsyngen.errors import UsageError
from medsyngen.planning import plan_recipe
from medsyngen.planning.cost import images_per_second, memory_estimate, saved_bytes, slots_per_step
from medsyngen.privacy.events import Gaussian
from medsyngen.recipe import load_recipe

STEP = """
import json, sys
import numpy as np, torch
from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.unet import build_unet
from medsyngen.planning.cost import memory_estimate
from medsyngen.privacy.gradient_sum import Views, clipped_sum, patient_streams
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import secure_generator
from medsyngen.recipe import load_recipe
from medsyngen.scan import PatientKey

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

size, micro_batch = int(sys.argv[1]), int(sys.argv[2])
recipe = load_recipe(sys.argv[3], [f"scans.size={size}"], patients_at_most=100)
network = build_unet(recipe.synthesis.network, image_channels=1, class_rows=1, seed=0).eval()
loss, training = recipe.synthesis.context_loss(network, size), recipe.synthesis.private
images = training.scans_per_patient * training.draws_per_scan
estimate = memory_estimate(loss, size=size, micro_batch=micro_batch, images=images)
record = PatientRecord(np.zeros((2, 1, size, size), np.float32), np.zeros(2, np.int64))
cohort = Cohort({PatientKey(str(i)): record for i in range(micro_batch + 1)})
weights = {name: value.detach() for name, value in network.named_parameters()}
views, stream = Views({name: value.shape for name, value in weights.items()}), secure_generator()
before = status("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak counts from here
state = TrainingState(views.flatten(weights), learning_rate=1e-3, betas=(0.9, 0.99), ema_decay=0.9)
total = clipped_sum(
    loss, views(state.flat.detach()), cohort, list(cohort), clipping_norm=0.3, micro_batch=micro_batch,
    streams=patient_streams(stream), device=torch.device("cpu"),
)
state.update(add_gaussian_noise(total, 0.3, stream.child(b"noise")) / 10)
print(json.dumps({"estimate": estimate, "measured": status("VmHWM") - before}))
"""


def peak(size, micro_batch, recipe="chest-radiograph-32"):
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(size), str(micro_batch), recipe],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peak memory is read from Linux' /proc")
@pytest.mark.parametrize(("size", "micro_batch"), [(16, 4), (32, 4), (32, 16)])
def test_the_memory_estimate_is_within_a_quarter_of_a_real_step(size, micro_batch):
    found = peak(size, micro_batch)
    assert 0.75 < found["estimate"] / found["measured"] < 1.25


@pytest.fixture(scope="module")
def loss():
    recipe = load_recipe("smoke-16", patients_at_most=40)
    network = build_unet(recipe.synthesis.network, image_channels=1, class_rows=3, seed=0).eval()
    return recipe.synthesis.context_loss(network, 16)


def test_the_estimate_grows_with_patients_images_and_pixels(loss):
    base = memory_estimate(loss, size=16, micro_batch=8, images=4)
    twice = memory_estimate(loss, size=16, micro_batch=16, images=4)
    four = memory_estimate(loss, size=16, micro_batch=32, images=4)
    assert four - twice == pytest.approx(2 * (twice - base), abs=4)
    assert memory_estimate(loss, size=16, micro_batch=8, images=8) > base
    assert 3.0 < saved_bytes(loss, size=32) / saved_bytes(loss, size=16) < 6.0  # 4, and attention's 16


def test_nothing_of_the_weights_counts_as_saved(loss):
    smallest = saved_bytes(loss, size=2)
    assert 0 < smallest < 4 * sum(weight.numel() for weight in loss.network.parameters())


def test_the_speed_is_images_over_seconds(loss, monkeypatch):
    monkeypatch.setattr("medsyngen.planning.cost._gradient_time", lambda loss, size, images: 0.05 * images)
    assert images_per_second(loss, size=16, images=4) == pytest.approx(20.0)
    monkeypatch.setattr("medsyngen.planning.cost._gradient_time", lambda loss, size, images: 3.0 * images)
    assert images_per_second(loss, size=16, images=4) == pytest.approx(1 / 3)


def test_a_real_measurement_leaves_no_gradient_behind(loss):
    assert images_per_second(loss, size=16, images=4) > 0
    assert all(weight.grad is None for weight in loss.network.parameters())


def test_masked_slots_are_counted():
    assert slots_per_step(128, 2500, 16) == 136  # on average the last micro-batch is half full
    assert slots_per_step(100, 100, 16) == 112


def test_the_time_covers_private_training_and_the_phantoms_unless_the_expert_ships(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path))
    recipe = load_recipe("smoke-16", patients_at_most=40)
    cost = plan_recipe(recipe, speed=10.0).cost
    training, public = recipe.synthesis.private, recipe.synthesis.public
    assert cost.private_seconds == training.steps * (10 + training.micro_batch / 2) * 4 / 10.0
    assert (cost.public_expert_exists, cost.public_seconds) == (False, public.steps * public.batch_size / 10.0)
    assert not cost.measured
    shipped = plan_recipe(load_recipe("demo-32", ["synthesis.private.steps=100"]), measure=False).cost
    assert (shipped.public_expert_exists, shipped.public_seconds) == (True, 0.0)
    assert (shipped.images_per_second, shipped.private_seconds, shipped.measured) == (None, None, False)


def test_the_plan_of_a_recipe_counts_what_is_charged_beside_it():
    recipe = load_recipe("smoke-16", patients_at_most=40)
    alone, beside = (plan_recipe(recipe, measure=False, other_events=o) for o in ((), (Gaussian(2.0),)))
    assert beside.plan.noise_multiplier > alone.plan.noise_multiplier
    assert beside.search.best.figure_of_merit < alone.search.best.figure_of_merit
    assert alone.gain >= 0.0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(UsageError):
        plan_recipe(load_recipe("smoke-16", patients_at_most=40), speed=speed)
