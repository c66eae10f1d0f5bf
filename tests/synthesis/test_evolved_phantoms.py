"""Evolved phantoms as a training set: around the members of each class, by public shares, some without a class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_evolution import NO_CLASS, TWO_CLASSES, Flat

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.diffusion.labelled import some_without
from medsyngen.randomness import Streams
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.conditioning import Conditioning
from medsyngen.synthesis.evolved_phantoms import EvolvedDraws, EvolvedPhantoms

DARK, LIGHT, NULL = 0, 1, 2
MEMBERS = Flat().at(np.array([[0.1], [0.2], [0.3], [0.8], [0.9]]), np.array([0, 0, 0, 1, 1]))
PHANTOMS = EvolvedPhantoms(MEMBERS, Flat(), Cells(TWO_CLASSES), degree=0.04, label_dropout=0.2)


def test_every_phantom_is_near_a_member_of_its_class_and_all_members_are_used():
    pixels, rows = replace(PHANTOMS, label_dropout=0.0).draw(400, np.random.default_rng(0))
    places = (pixels.mean((1, 2, 3)) + 1) / 2
    for cell in (DARK, LIGHT):
        of = MEMBERS.places[MEMBERS.classes == cell, 0]
        distance = np.abs(places[rows == cell][:, None] - of)
        assert distance.min(1).max() <= 0.04 + 1e-6
        assert set(distance.argmin(1)) == set(range(len(of)))
    assert len({image.tobytes() for image in pixels}) > 390  # rendered anew, not copied


def test_classes_come_by_their_public_shares_not_by_the_members():
    _, rows = replace(PHANTOMS, label_dropout=0.0).draw(4000, np.random.default_rng(0))
    assert (rows == LIGHT).mean() == pytest.approx(0.25, abs=0.03)  # though two of five members are light


def test_some_come_without_a_class():
    _, rows = PHANTOMS.draw(4000, np.random.default_rng(0))
    assert (rows == NULL).mean() == pytest.approx(0.2, abs=0.03)
    assert rows.dtype == np.int64
    assert set(rows) == {DARK, LIGHT, NULL}


def test_the_same_numbers_draw_the_same_and_others_draw_others():
    one, same, other = (PHANTOMS.draw(5, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one[0], same[0])
    assert not np.array_equal(one[0], other[0])


def test_without_classes_all_are_null():
    alone = EvolvedPhantoms(Flat().at(np.array([[0.5]]), np.array([0])), Flat(), Cells(NO_CLASS), 0.1, 0.5)
    assert alone.draw(9, np.random.default_rng(0))[1].tolist() == [0] * 9


def test_several_attributes_have_a_row_each_and_lose_them_together():
    sex = Attribute("sex", (ClassDefinition("f", "F", 0.5), ClassDefinition("m", "M", 0.5)))
    age = Attribute("age_band", (ClassDefinition("young", "0", 0.5), ClassDefinition("old", "1", 0.5)))
    cells = Cells(Conditioning.of((), (), (sex, age)))
    members = Flat().at(np.linspace(0.1, 0.9, 4)[:, None], np.arange(4))
    pixels, rows = EvolvedPhantoms(members, Flat(), cells, 0.0, 0.3).draw(300, np.random.default_rng(0))
    assert {tuple(row) for row in rows.tolist()} == {(0, 3), (0, 4), (1, 3), (1, 4), (2, 5)}
    member = np.abs((pixels.mean((1, 2, 3))[:, None] + 1) / 2 - members.places[:, 0]).argmin(1)
    known = rows[:, 0] < 2
    np.testing.assert_array_equal(rows[known], np.array([(0, 3), (0, 4), (1, 3), (1, 4)])[member[known]])


def test_dropping_no_label_and_every_label():
    rows, rng = np.array([0, 1, 1]), np.random.default_rng(0)
    assert some_without(rows, (2,), 0.0, rng).tolist() == [0, 1, 1]
    assert some_without(rows, (2,), 1.0, rng).tolist() == [2, 2, 2]


def test_a_private_steps_phantoms_are_evolved_ones_with_their_own_classes():
    from medsyngen.diffusion.bands import NoiseBand
    from medsyngen.diffusion.schedule import NoiseLaw

    def generic(count: int, rng: np.random.Generator):
        raise AssertionError("generic phantoms")

    drawn = EvolvedDraws(generic, (), Streams(0), torch.device("cpu"), replace(PHANTOMS, label_dropout=0.0))
    out = drawn("span", 0, count=30, draws=2, law=NoiseLaw(0.0, 1.0), bands=(NoiseBand("context", 0.1, 2.0),))
    light = out["y"].mean((1, 2, 3, 4)) > 0
    assert torch.equal(out["classes"][:, 0] == LIGHT, light)
    assert out["classes"].shape == out["sigma"].shape == (30, 2)
