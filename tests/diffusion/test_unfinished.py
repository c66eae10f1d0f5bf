"""An interrupted public training goes on to the same bits, and refuses a state that is not its own."""

import pytest
import torch
from small_training import TINY, numbers, squares

from medsyngen.diffusion.training import train_on_phantoms
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.errors import VerificationFailed
from medsyngen.randomness import Streams


class Interrupted(Exception):
    """As if the process had been killed."""


def train(
    unfinished: Unfinished | None, *, die_after: int = 99, size: UNetSize = TINY, told: list[int] | None = None
) -> dict[str, torch.Tensor]:
    def progress(phase: str, done: int, total: int) -> None:
        if told is not None:
            told.append(done)
        if done == die_after:
            raise Interrupted

    return train_on_phantoms(
        build_unet(size, image_channels=1, class_rows=1, seed=1),
        squares,
        numbers(7),
        sigma_range=(0.002, 80.0),
        streams=Streams(0),
        device=torch.device("cpu"),
        unfinished=unfinished,
        progress=progress,
    )


@pytest.mark.parametrize("die_after", [1, 4, 5])
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path, die_after):
    unfinished = Unfinished(tmp_path / "cache" / "key.unfinished", every=2)
    with pytest.raises(Interrupted):
        train(unfinished, die_after=die_after)
    assert unfinished.path.is_file() == (die_after > 1)
    whole, resumed = train(None), train(unfinished)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_resumed_training_does_only_the_steps_that_are_left(tmp_path):
    unfinished, told = Unfinished(tmp_path / "key.unfinished", every=3), []
    with pytest.raises(Interrupted):
        train(unfinished, die_after=6)
    train(unfinished, told=told)
    assert told == [7]


def test_a_full_disk_does_not_stop_a_training(tmp_path):
    (tmp_path / "file").write_text("no folder")
    whole, kept = train(None), train(Unfinished(tmp_path / "file" / "key.unfinished", every=1))
    assert all(torch.equal(whole[name], kept[name]) for name in whole)


@pytest.mark.parametrize("damage", ["cut", "other network"])
def test_a_state_that_is_not_this_trainings_is_refused(tmp_path, damage):
    unfinished = Unfinished(tmp_path / "key.unfinished", every=1)
    other = UNetSize(channels=(8, 16), attention=(False, False), norm_groups=4, head_channels=8)
    with pytest.raises(Interrupted):
        train(unfinished, die_after=2, size=TINY if damage == "cut" else other)
    if damage == "cut":
        unfinished.path.write_bytes(unfinished.path.read_bytes()[:-100])
    with pytest.raises(VerificationFailed, match="can't be used"):
        train(unfinished)
