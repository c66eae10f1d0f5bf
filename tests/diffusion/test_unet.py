import pytest
import torch

from medsyngen.diffusion.unet import (
    SummedEmbedding,
    UNetSize,
    build_unet,
    check_image_size,
    with_classes,
    with_mean_nulls,
)
from medsyngen.errors import UsageError

TINY = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)


def test_first_weights_repeat_and_leave_the_global_stream_alone():
    before = torch.get_rng_state()
    a = build_unet(TINY, image_channels=1, class_rows=1, seed=5).state_dict()
    b = build_unet(TINY, image_channels=1, class_rows=1, seed=5).state_dict()
    c = build_unet(TINY, image_channels=1, class_rows=1, seed=6).state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)
    assert torch.equal(before, torch.get_rng_state())


def test_default_network_has_the_size_that_the_speeds_were_measured_at():
    net = build_unet(UNetSize(), image_channels=1, class_rows=1, seed=0)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(454_000, rel=0.01)


def test_every_class_starts_as_a_copy_of_the_null_class():
    weights = dict(build_unet(TINY, image_channels=1, class_rows=1, seed=0).state_dict())
    wide = with_classes(weights, 3)["class_embedding.weight"]
    assert wide.shape[0] == 4
    assert bool((wide == wide[0]).all())
    with pytest.raises(ValueError, match="null class only"):
        with_classes({**weights, "class_embedding.weight": wide}, 2)


def output(net, rows):
    generator = torch.Generator().manual_seed(1)
    x, time = torch.randn((len(rows), 1, 8, 8), generator=generator), torch.full((len(rows),), 100.0)
    return net(x, time, class_labels=torch.tensor(rows))


def started(*classes):
    """A network from the weights of a public expert that has moved from its first ones."""
    generator = torch.Generator().manual_seed(0)
    public = {
        name: value + 0.1 * torch.randn(value.shape, generator=generator)
        for name, value in build_unet(TINY, image_channels=1, class_rows=1, seed=0).state_dict().items()
    }
    net = build_unet(TINY, image_channels=1, class_rows=[each + 1 for each in classes], seed=4)
    net.load_state_dict(with_classes(public, *classes))  # strict: no name is missing or left over
    return net.eval()


@pytest.mark.parametrize("classes", [(2, 3), (1, 1, 1), (2, 4, 3)])
def test_every_combination_of_values_starts_as_the_null_class(classes):
    several, one = started(*classes), started(0)
    starts = [sum(classes[:k]) + k for k in range(len(classes))]
    nulls = [start + count for start, count in zip(starts, classes, strict=True)]
    with torch.no_grad():
        truth = output(one, [0, 0])
        assert torch.equal(output(several, [starts, nulls]), truth)
    table = several.class_embedding.table.weight
    assert table.shape[0] == sum(classes) + len(classes)
    assert torch.equal(table[nulls].sum(0), one.class_embedding.weight[0])


def test_rows_of_several_attributes_are_summed():
    table = torch.nn.Embedding(7, 5)
    rows = torch.tensor([[0, 4], [2, 6], [1, 3]])
    expected = torch.stack([table.weight[a] + table.weight[b] for a, b in rows])
    assert torch.equal(SummedEmbedding(table)(rows), expected)
    assert torch.equal(torch.func.vmap(SummedEmbedding(table))(rows), expected)


def test_one_attribute_is_the_network_that_it_always_was():
    for rows in (3, (3,), [3]):
        state = build_unet(TINY, image_channels=1, class_rows=rows, seed=5).state_dict()
        assert state["class_embedding.weight"].shape[0] == 3
        assert not [name for name in state if "table" in name]
    whole, parts = (build_unet(TINY, image_channels=1, class_rows=rows, seed=5) for rows in (7, (3, 4)))
    assert list(parts.state_dict()) == [
        name.replace("class_embedding.weight", "class_embedding.table.weight") for name in whole.state_dict()
    ]
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(a, b)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="can't pass"):
        check_image_size(UNetSize(), 30)
    with pytest.raises(ValueError, match="norm_groups"):
        UNetSize(channels=(10,), attention=(False,))
    with pytest.raises(ValueError, match="levels"):
        UNetSize(channels=(16,), attention=(False, True))
    for name in ("residual_blocks", "norm_groups", "head_channels"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1"):
            UNetSize(**{name: 0})
    for none in ((), (0,)):
        with pytest.raises(ValueError, match="channels must be one or more"):
            UNetSize(channels=none, attention=(False,) * len(none))


def test_a_null_that_nobody_taught_becomes_the_mean_of_its_classes():
    one = {"class_embedding.weight": torch.arange(12.0).view(4, 3), "other": torch.ones(2)}
    moved = with_mean_nulls(one, [(0.5, 0.25, 0.25)])
    assert moved["class_embedding.weight"][3].tolist() == [2.25, 3.25, 4.25]
    assert torch.equal(moved["class_embedding.weight"][:3], one["class_embedding.weight"][:3])
    assert moved["other"] is one["other"]
    several = {"class_embedding.table.weight": torch.arange(15.0).view(5, 3)}
    table = with_mean_nulls(several, [(0.5, 0.5), (1.0,)])["class_embedding.table.weight"]
    assert table[2].tolist() == [1.5, 2.5, 3.5]
    assert table[4].tolist() == table[3].tolist()
    assert torch.equal(with_mean_nulls(one, [()])["class_embedding.weight"], one["class_embedding.weight"])
