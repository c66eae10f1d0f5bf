import dataclasses

import numpy as np
import pytest
import torch
from small_generators import FACTS, SEVERAL, TINY, weights

from medsyngen.diffusion.denoiser import Denoiser
from medsyngen.diffusion.unet import build_unet, with_classes
from medsyngen.errors import VerificationFailed
from medsyngen.synthesis.conditioning import deal_classes
from medsyngen.synthesis.generator import (
    StagedGenerator,
    generator_bytes,
    read_generator_file,
)


def test_an_image_does_not_depend_on_how_many_are_drawn():
    generator = StagedGenerator(FACTS, weights(0), weights(1, 2))
    many, few = generator.draw(7, batch=3), generator.draw(2)
    np.testing.assert_allclose(many.pixels[:2], few.pixels, atol=1e-4)
    assert many.classes[:2] == few.classes
    assert many.pixels.dtype == np.float32
    assert np.abs(many.pixels).max() <= 1


def test_batches_are_the_draws_and_their_classes_are_known_before():
    generator = StagedGenerator(FACTS, weights(0), weights(1, 2))
    told = []
    parts = list(generator.batches(7, batch=3, progress=lambda *said: told.append(said)))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert told == [("drawing images", done, 7) for done in (3, 6, 7)]
    whole = generator.draw(7, batch=3)
    np.testing.assert_array_equal(np.concatenate([part.pixels for part in parts]), whole.pixels)
    assert tuple(name for part in parts for name in part.classes) == whole.classes
    assert generator.dealt(7) == {"class": whole.classes}


def test_one_batch_is_drawn_at_a_time():
    generator, told = StagedGenerator(FACTS, weights(0), None), []
    parts = generator.batches(9, batch=3, progress=lambda *said: told.append(said))
    next(parts)
    assert [done for _, done, _ in told] == [3]  # the rest when it is asked for


def test_the_sampler_is_heun_unless_told_and_ddim_draws_other_bits_of_the_same_images():
    generator = StagedGenerator(dataclasses.replace(FACTS, sampler_steps=30), weights(0), weights(1, 2))
    other = dataclasses.replace(generator, facts=dataclasses.replace(generator.facts, sampler="ddim"))
    heun, ddim = generator.draw(4).pixels, other.draw(4).pixels
    assert FACTS.sampler == "heun"
    assert not np.array_equal(heun, ddim)
    assert np.corrcoef(heun.ravel(), ddim.ravel())[0, 1] > 0.9
    with pytest.raises(ValueError, match="heun, ddim"):
        dataclasses.replace(FACTS, sampler="euler")


def test_both_experts_are_asked_for_what_they_predict():
    facts = dataclasses.replace(FACTS, prediction="v")
    generator = StagedGenerator(facts, weights(0), weights(1, 2))
    bands = facts.bands.split(facts.size**2)
    sigma = torch.tensor([(band.low * band.high) ** 0.5 for band in bands])
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * sigma.view(-1, 1, 1, 1)
    for row, served_by in enumerate((weights(0), weights(1, 2), weights(0))):
        network = build_unet(TINY, image_channels=1, class_rows=len(served_by["class_embedding.weight"]), seed=0).eval()
        network.load_state_dict(served_by)
        null = torch.tensor([len(served_by["class_embedding.weight"]) - 1])
        part = slice(row, row + 1)
        expected = Denoiser(network, "v")(x[part], sigma[part], null)
        torch.testing.assert_close(generator.denoiser()(x[part], sigma[part], torch.tensor([2])), expected)
    assert FACTS.prediction == "edm"  # what files and recipes mean that don't say


def test_experts_that_share_weights_are_written_as_whole_experts(tmp_path):
    public = weights(0)
    context = {**with_classes(public, 2), "out.2.conv.bias": public["out.2.conv.bias"] + 1}
    (tmp_path / "generator").write_bytes(generator_bytes(StagedGenerator(FACTS, public, context), {}))
    read_public, read_context, _ = read_generator_file(tmp_path / "generator")
    assert all(torch.equal(read_public[name], value) for name, value in public.items())
    assert all(torch.equal(read_context[name], value) for name, value in context.items())


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


def test_images_of_several_attributes_have_a_value_of_each_and_it_reaches_them():
    context = weights(1, 2, 3)
    name = "class_embedding.table.weight"
    base = StagedGenerator(SEVERAL, weights(0), context).draw(7, batch=3)
    assert base.classes == ()
    assert list(base.conditions) == ["finding", "view"]
    table = context[name].clone()
    table[3 + 1] += 3.0  # the second value of the second attribute
    changed = StagedGenerator(SEVERAL, weights(0), {**context, name: table}).draw(7)
    same = [np.allclose(a, b, atol=1e-4) for a, b in zip(base.pixels, changed.pixels, strict=True)]
    assert same == [value != "side" for value in base.conditions["view"]]
    assert 0 < sum(same) < 7


def test_phantoms_alone_know_no_value():
    several = StagedGenerator(SEVERAL, weights(0), None).draw(3)
    np.testing.assert_array_equal(several.pixels, StagedGenerator(FACTS, weights(0), None).draw(3).pixels)


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


def test_guidance_changes_classes_that_differ_from_the_null_class_and_no_others():
    plain = StagedGenerator(FACTS, weights(0), weights(1, 2))
    guided = dataclasses.replace(plain, facts=dataclasses.replace(FACTS, guidance=3.0))
    # Fresh class rows are copies of the null row: nothing to lead away from.
    np.testing.assert_allclose(plain.draw(4).pixels, guided.draw(4).pixels, atol=1e-4)
    learned = weights(1, 2)
    learned["class_embedding.weight"][1] += 1  # "abnormal" alone, which is the third image
    moved = dataclasses.replace(guided, context=learned)
    assert moved.draw(4).classes == ("normal", "normal", "abnormal", "normal")
    same = np.isclose(moved.draw(4).pixels, plain.draw(4).pixels, atol=1e-4).all((1, 2, 3))
    assert same.tolist() == [True, True, False, True]
    assert not np.allclose(dataclasses.replace(plain, context=learned).draw(4).pixels[2], moved.draw(4).pixels[2])
