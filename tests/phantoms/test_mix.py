"""Mixes: shares are kept, and whatever changes the pictures changes the identity."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from medsyngen.errors import UsageError
from medsyngen.phantoms import catalogue
from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.phantoms.parameters import Parameter, ParameterSpace

GREY = ParameterSpace((Parameter("grey", 0.4, 0.6, "grey", "default"),))
MIX = PhantomMix((("chest_radiograph", 0.7), ("dead_leaves", 0.3)))


@dataclass(frozen=True)
class Flat:
    """A phantom that is easily told apart: one grey."""

    name: str
    version: int = 1
    space: ParameterSpace = GREY

    def render(self, parameters, size, rng):
        sign = -1 if self.name == "dark" else 1
        grey = sign * self.space.columns(parameters)["grey"][:, None]
        return np.broadcast_to(grey, (len(grey), 1, size, size)).astype(np.float32)


@pytest.fixture
def flats(monkeypatch):
    for name in ("dark", "bright"):
        monkeypatch.setitem(catalogue.PHANTOMS, name, Flat(name))
    return PhantomMix((("dark", 0.25), ("bright", 0.75)))


def test_shares_are_kept_in_random_order(flats):
    pixels = flats.draw(4000, 8, np.random.default_rng(0))
    assert pixels.shape == (4000, 1, 8, 8)
    assert pixels.dtype == np.float32
    bright = pixels[:, 0, 0, 0] > 0
    assert bright.mean() == pytest.approx(0.75, abs=0.03)
    assert (bright[:-1] != bright[1:]).mean() == pytest.approx(
        2 * 0.25 * 0.75, abs=0.04
    )  # not one kind, then the other
    assert np.abs(np.abs(pixels) - 0.5).max() <= 0.1 + 1e-6  # every image was written


def test_the_seed_decides():
    one, same, other = (MIX.draw(6, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_a_mix_of_one_and_a_draw_of_none(flats):
    assert (PhantomMix((("dark", 1.0),)).draw(20, 8, np.random.default_rng(0)) < 0).all()
    assert flats.draw(0, 8, np.random.default_rng(0)).shape == (0, 1, 8, 8)


@pytest.mark.parametrize(
    "parts", [(), (("dead_leaves", 0.5),), (("dead_leaves", 0.0), ("chest_radiograph", 1.0)), (("no_such", 1.0),)]
)
def test_shares_that_do_not_add_up_and_unknown_names_are_refused(parts):
    with pytest.raises(UsageError):
        PhantomMix(parts)


def test_the_identity_is_plain_and_the_same_every_time():
    identity = MIX.identity()
    assert json.loads(json.dumps(identity)) == identity == PhantomMix(MIX.parts).identity()


def test_the_identity_follows_version_range_law_and_share(monkeypatch):
    leaves = phantom("dead_leaves")
    before = MIX.identity()
    first, *rest = leaves.space.parameters
    wider = ParameterSpace((replace(first, high=first.high * 1.5), *rest))
    other_law = ParameterSpace((replace(first, log=not first.log), *rest))
    renamed = ParameterSpace((replace(first, name="other"), *rest))
    seen = [before, PhantomMix((("chest_radiograph", 0.6), ("dead_leaves", 0.4))).identity()]
    changes = [(leaves.version + 1, leaves.space), *((leaves.version, space) for space in (wider, other_law, renamed))]
    for version, space in changes:
        monkeypatch.setitem(catalogue.PHANTOMS, "dead_leaves", Flat("dead_leaves", version, space))
        seen.append(MIX.identity())
    assert len({json.dumps(identity, sort_keys=True) for identity in seen}) == len(seen)


def test_a_description_holds_what_a_report_shows():
    described = MIX.describe()
    assert [(part["name"], part["share"]) for part in described] == list(MIX.parts)
    assert all({"name", "low", "high", "unit", "source"} <= set(p) for part in described for p in part["parameters"])


def test_each_image_comes_with_what_it_was_drawn_from(flats):
    pixels, words = flats.draw_described(50, 8, np.random.default_rng(0))
    assert np.array_equal(pixels, flats.draw(50, 8, np.random.default_rng(0)))
    bright = pixels[:, 0, 0, 0] > 0
    grey = np.abs(pixels[:, 0, 0, 0])
    assert words.shape == (50, flats.described_by)
    assert words[bright, 1] == pytest.approx((grey[bright] - 0.5) / 0.1, abs=1e-5)
    assert words[~bright, 0] == pytest.approx((grey[~bright] - 0.5) / 0.1, abs=1e-5)
    assert not words[bright, 0].any()
    assert not words[~bright, 1].any()
