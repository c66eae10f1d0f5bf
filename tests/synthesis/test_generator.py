import dataclasses

import numpy as np
import pytest
import torch

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.unet import UNetSize, build_unet, with_classes
from medsyngen.errors import VerificationFailed
from medsyngen.synthesis.generator import (
    GeneratorFacts,
    StagedGenerator,
    deal_classes,
    generator_bytes,
    read_generator_file,
)

TINY = UNetSize(channels=(8, 8), attention=(False, False), norm_groups=4, head_channels=8)
FACTS = GeneratorFacts(8, TINY, StageBands(), 4, ("normal", "abnormal"), (0.75, 0.25), 3, seeded=False, private=True)


def weights(seed: int, classes: int | None = None) -> dict[str, torch.Tensor]:
    net = build_unet(TINY, image_channels=1, class_rows=1, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    moved = {k: v + 0.1 * torch.randn(v.shape, generator=generator) for k, v in net.state_dict().items()}
    return moved if classes is None else with_classes(moved, classes)


def test_an_image_does_not_depend_on_how_many_are_drawn():
    generator = StagedGenerator(FACTS, weights(0), weights(1, 2))
    many, few = generator.draw(7, batch=3), generator.draw(2)
    np.testing.assert_allclose(many.pixels[:2], few.pixels, atol=1e-4)
    assert many.classes[:2] == few.classes
    assert many.pixels.dtype == np.float32
    assert np.abs(many.pixels).max() <= 1


def test_classes_follow_the_public_shares_at_every_prefix():
    dealt = deal_classes(400, (0.7, 0.2, 0.1))
    for n in (10, 100, 400):
        for k, share in enumerate((0.7, 0.2, 0.1)):
            assert abs(dealt[:n].count(k) - share * n) <= 1.5
    assert deal_classes(3, ()) == [0, 0, 0]


def test_without_classes_the_null_class_is_drawn():
    facts = dataclasses.replace(FACTS, classes=(), shares=())
    assert StagedGenerator(facts, weights(0), weights(1, 0)).draw(2).classes == ("", "")


def test_the_context_expert_is_used_and_the_class_reaches_it():
    public, context = weights(0), weights(1, 2)
    other = {**context, "class_embedding.weight": context["class_embedding.weight"].clone()}
    other["class_embedding.weight"][1] += 3.0
    base = StagedGenerator(FACTS, public, context).draw(4)
    changed = StagedGenerator(FACTS, public, other).draw(4)
    phantoms = StagedGenerator(FACTS, public, None).draw(4)
    for i, name in enumerate(base.classes):
        same = np.allclose(base.pixels[i], changed.pixels[i])
        assert same == (name == "normal")
        assert not np.allclose(base.pixels[i], phantoms.pixels[i])


def test_the_file_brings_back_both_experts(tmp_path):
    generator = StagedGenerator(FACTS, weights(0), weights(1, 2))
    path = tmp_path / "g.safetensors"
    path.write_bytes(generator_bytes(generator, {"seeded": False, "private": True}))
    public, context, facts = read_generator_file(path)
    assert facts == {"seeded": False, "private": True}
    again = StagedGenerator(FACTS, public, context).draw(2)
    np.testing.assert_array_equal(again.pixels, generator.draw(2).pixels)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "g.safetensors"
    path.write_bytes(b"not a generator")
    with pytest.raises(VerificationFailed):
        read_generator_file(path)
