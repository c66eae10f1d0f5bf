"""Pitfalls of the noise: a seed or a buffer that makes it repeat; keys and clean sums that get out."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import LinearLoss, toy_cohort
from watched import Make, Parts, judge, watch

from medsyngen.privacy.dpsgd import train_privately
from medsyngen.privacy.gradient_sum import clipped_sum
from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import SecureStream

COHORT = toy_cohort(12)
GLOBAL = ((random, "seed"), (np.random, "seed"), (torch, "manual_seed"))
STATES = (
    (random, "getstate", "setstate"),
    (np.random, "get_state", "set_state"),
    (torch, "get_rng_state", "set_rng_state"),
)


def seed_everything() -> None:
    """What users' scripts begin with, and what a careless simulator does in the middle of a step."""
    for module, name in GLOBAL:
        getattr(module, name)(7)


@contextmanager
def seeds_put_back() -> Iterator[None]:
    kept = [(getattr(module, put), getattr(module, get)()) for module, get, put in STATES]
    yield
    for put, state in kept:
        put(state)


# --- a user's seed makes the noise repeat; noise buffer reused


def law_of_fresh_noise(make: Make, folder: Path) -> None:
    """No value of the noise comes twice: not in a run, not after its crash and resume, not in a run like it.

    The user seeds every global generator, before the runs and inside the loss. Noise is compared to nine decimals; of
    285 values, three pairs agree by chance in fewer than one of 10^14 runs.
    """
    with seeds_put_back():
        seed_everything()
        first = watch(make(), folder, COHORT, die_after=4)
        seen = [watch(make(), first, COHORT)]
        for _ in range(2):
            seed_everything()
            seen.append(watch(make(), folder, COHORT))
    values = torch.cat([step for run in seen for step in run.noise]).round(decimals=9)
    assert len(values) == 15 * (4 + 1 + 7 + 7), "steps are missing"
    assert len(values) - len(values.unique()) < 3


class SeedsInTheLoss(LinearLoss):
    def draw(self, record, stream):
        seed_everything()
        return super().draw(record, stream)


def with_noise(noise) -> Make:
    return lambda: Parts(loss=SeedsInTheLoss, noise=noise)


def product() -> Parts:
    return Parts(loss=SeedsInTheLoss)


def keyed_by_the_recipe(*arguments, account, keys, **more):
    """Every start of one recipe has the same keys."""
    digest = hashlib.sha256(b"noise of " + account.recipe_sha256.encode()).digest()
    return train_privately(*arguments, account=account, keys=SecureStream(digest), **more)


def the_recipes_seed() -> Parts:
    rng = np.random.Generator(np.random.PCG64(0))
    return Parts(noise=lambda total, std, stream: total + std * torch.from_numpy(rng.standard_normal(len(total))))


SEEDS = {
    "torch's global generator": with_noise(lambda total, std, _: total + std * torch.randn(len(total)).double()),
    "Python's global generator": with_noise(
        lambda total, std, _: total + std * torch.tensor([random.gauss() for _ in total], dtype=torch.float64)
    ),
    "a generator from the recipe's seed": the_recipes_seed,
    "keys from the recipe's hash": lambda: Parts(train=keyed_by_the_recipe),
}


def test_a_users_seed_makes_the_noise_repeat(tmp_path):
    judge(lambda make: law_of_fresh_noise(make, tmp_path), product, SEEDS)


def one_buffer() -> Parts:
    """Drawn once, because drawing takes time."""
    buffer = lru_cache(lambda n: add_gaussian_noise(torch.zeros(n, dtype=torch.float64), 1.0, SecureStream(bytes(32))))
    return Parts(noise=lambda total, std, stream: total + std * buffer(len(total)))


def a_pool_dealt_in_turn() -> Parts:
    pool = add_gaussian_noise(torch.zeros(40, dtype=torch.float64), 1.0, SecureStream(bytes(32)))
    start = itertools.count()
    return Parts(noise=lambda total, std, stream: total + std * pool.roll(7 * next(start))[: len(total)])


def half_mirrored() -> Parts:
    def noise(total, std, stream):
        half = add_gaussian_noise(torch.zeros(8, dtype=torch.float64), std, stream)
        return total + torch.cat([half, half[:7]])

    return Parts(noise=noise)


BUFFERS = {"one buffer": one_buffer, "a pool dealt in turn": a_pool_dealt_in_turn, "half of it copied": half_mirrored}


def test_a_noise_buffer_reused(tmp_path):
    judge(lambda make: law_of_fresh_noise(make, tmp_path), product, BUFFERS)


# --- noise key in a checkpoint; what is not noised in a checkpoint


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def law_of_forgotten_keys(make: Make, folder: Path) -> None:
    """No key that any stream of the run ever had stands in a file of the run, raw, in hexadecimal or in base64."""
    made: list[bytes] = []
    real = SecureStream.__init__

    def heard(self, key, *, seeded=False):
        made.append(key)
        real(self, key, seeded=seeded)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SecureStream, "__init__", heard)
        seen = watch(make(), folder, COHORT, die_after=5)
        watch(make(), seen, COHORT)
    assert len(made) > 20
    written = files(seen.folder)
    for key in made:
        assert not [form for form in (key, key.hex().encode(), base64.b64encode(key)) if form in written]


def keeps_its_place(*arguments, keys, checkpoint, **more):
    """The position of the random numbers is saved, so that a resumed run goes on as if nothing had happened."""
    checkpoint.with_suffix(".rng").write_text(keys._key.hex())
    return train_privately(*arguments, keys=keys, checkpoint=checkpoint, **more)


def keeps_the_last_noise_key() -> Parts:
    last = []

    class State(TrainingState):
        def save(self, path, **facts):
            super().save(path, **facts)
            path.with_suffix(".last").write_bytes(last[-1])

    def noise(total, std, stream):
        last.append(stream._key)
        return add_gaussian_noise(total, std, stream)

    return Parts(state=State, noise=noise)


KEEPERS = {"the run's key": lambda: Parts(train=keeps_its_place), "the last step's noise key": keeps_the_last_noise_key}


def test_a_noise_key_in_a_checkpoint(tmp_path):
    judge(lambda make: law_of_forgotten_keys(make, tmp_path), Parts, KEEPERS)


def law_of_noised_files(make: Make, folder: Path) -> None:
    """No sum without its noise stands in a file, in float64 or float32, as it is or as an average."""
    seen = watch(make(), folder, COHORT)
    written = files(seen.folder)
    for total in seen.sums:
        for form in (total, total / 5, total.float(), (total / 5).float()):
            assert form.numpy().tobytes() not in written


def keeps_the_clean(form) -> Make:
    def make() -> Parts:
        last = []

        def kept(*step, **more):
            last.append(clipped_sum(*step, **more))
            return last[-1]

        class State(TrainingState):
            def save(self, path, **facts):
                super().save(path, **facts)
                path.with_suffix(".debug").write_bytes(form(last[-1]).numpy().tobytes())

        return Parts(sum=kept, state=State)

    return make


CLEAN = {
    "the sum": keeps_the_clean(lambda total: total),
    "a float32 mean": keeps_the_clean(lambda total: (total / 5).float()),
}


def test_an_un_noised_sum_in_a_checkpoint(tmp_path):
    judge(lambda make: law_of_noised_files(make, tmp_path), Parts, CLEAN)
