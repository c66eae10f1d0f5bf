"""The network: MONAI's DiffusionModelUNet with class embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from medsyngen.diffusion.folding import work_on_blocks
from medsyngen.errors import UsageError
from medsyngen.scan import Size, image_shape

_ROWS, _TABLE = "class_embedding.weight", "class_embedding.table.weight"
"""The weights of the class embedding: of one attribute, of several."""


@dataclass(frozen=True)
class UNetSize:
    """Public numbers that fix the network.

    Small is right under differential privacy: the noise grows with the square root of the parameters.

    Args:
        channels: Channels of each level; each level halves the resolution.
        attention: Whether each level attends over positions.
        residual_blocks: Residual blocks a level.
        norm_groups: Groups of the group normalisation; divides every entry of ``channels``.
        head_channels: Channels of one attention head.
        patch: Side of the blocks of pixels or voxels that are folded into channels (``diffusion/folding.py``): 1 works
            on each; 2 makes a network for volumes several times as quick.
    """

    channels: tuple[int, ...] = (16, 32, 48)
    attention: tuple[bool, ...] = (False, False, True)
    residual_blocks: int = 1
    norm_groups: int = 8
    head_channels: int = 16
    patch: int = 1

    def __post_init__(self) -> None:
        if self.patch < 1:
            raise ValueError(f"patch must be at least 1, got {self.patch}")
        if len(self.channels) != len(self.attention):
            raise ValueError(f"channels has {len(self.channels)} levels, attention {len(self.attention)}")
        for name in ("residual_blocks", "norm_groups", "head_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.channels or min(self.channels) < 1:
            raise ValueError(f"channels must be one or more numbers of at least 1, got {self.channels}")
        for channels in self.channels:
            if channels % self.norm_groups:
                raise ValueError(f"channels {channels} can't be split into norm_groups {self.norm_groups}")


class SummedEmbedding(nn.Module):
    """The embedding of several attributes: the sum of one row of each, all from one table.

    Args:
        table: The rows of all attributes, one attribute after the other, each with its null last.
    """

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table

    def forward(self, rows: Tensor) -> Tensor:
        """Returns (n, width) for int64 rows (n, attributes)."""
        embedded: Tensor = self.table(rows)
        return embedded.sum(-2)


def build_unet(
    size: UNetSize, *, image_channels: int = 1, class_rows: int | Sequence[int], spatial_dims: int = 2, seed: int
) -> nn.Module:
    """Builds the network with reproducible first weights.

    Args:
        size: Public numbers.
        image_channels: Channels of the images, in and out.
        class_rows: Rows of the class embedding: the recipe's classes and, last, the null class. Of several attributes
            the rows of each; one attribute alone is the same as a number.
        spatial_dims: 2 or 3.
        seed: Public seed of the first weights.

    Returns:
        A module called as ``network(x, time, class_labels=...)``; class_labels are int64 (n,), of several attributes
        (n, attributes).
    """
    from monai.networks.nets import DiffusionModelUNet

    channels = image_channels * size.patch**spatial_dims
    rows = (class_rows,) if isinstance(class_rows, int) else tuple(class_rows)
    # MONAI initialises from torch's global stream; it is put back, so nobody else's draws change.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network: nn.Module = DiffusionModelUNet(
            spatial_dims=spatial_dims,
            in_channels=channels,
            out_channels=channels,
            channels=size.channels,
            attention_levels=size.attention,
            num_res_blocks=size.residual_blocks,
            norm_num_groups=size.norm_groups,
            num_head_channels=size.head_channels,
            num_class_embeds=sum(rows),
        )
    if len(rows) > 1:
        network.class_embedding = SummedEmbedding(network.class_embedding)  # type: ignore[arg-type]
    if size.patch > 1:
        work_on_blocks(network, size.patch)
    return network


def unet_for(size: UNetSize, images: Size, *, class_rows: int | Sequence[int], seed: int) -> nn.Module:
    """Builds the network for images of a size; see :func:`build_unet`."""
    channels, *space = image_shape(images)
    return build_unet(size, image_channels=channels, class_rows=class_rows, spatial_dims=len(space), seed=seed)


def untrained_weights(
    size: UNetSize, class_rows: int | Sequence[int], *, images: Size = 0, seed: int
) -> dict[str, Tensor]:
    """Returns the first weights of a network for images, by name; see :func:`unet_for`. Left out: grey pictures."""
    network = unet_for(size, images, class_rows=class_rows, seed=seed)
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def with_classes(weights: dict[str, Tensor], *classes: int) -> dict[str, Tensor]:
    """Returns the weights of a null-class expert widened to ``classes`` classes and the null class.

    Every new row starts as a copy of the null embedding: left at random, the class embeddings fill every sample
    with noise, because differential privacy leaves too little signal to unlearn them. The rows of a second and further
    attribute start at zero, so that every sum of one row of each is the null embedding, too.

    Args:
        weights: Of the public expert.
        classes: Number of values of each attribute.
    """
    null = weights[_ROWS]
    if len(null) != 1:
        raise ValueError(f"a public expert has the null class only, this one has {len(null)} rows")
    first, *further = classes
    copies = null.repeat(first + 1, 1)
    if not further:
        return {**weights, _ROWS: copies}
    table = torch.cat([copies, null.new_zeros((sum(further) + len(further), null.shape[1]))])
    return {_TABLE if name == _ROWS else name: table if name == _ROWS else v for name, v in weights.items()}


def with_mean_nulls(weights: dict[str, Tensor], shares: Sequence[Sequence[float]]) -> dict[str, Tensor]:
    """Returns the weights with each attribute's null row replaced by the mean of its values' rows, by their shares.

    Where nobody taught the null class, it stands so for any of the others: what guidance leads away from.

    Args:
        weights: Of a network with classes.
        shares: Public proportion of each value, of each attribute; one without values keeps its null.
    """
    name = _ROWS if _ROWS in weights else _TABLE
    table, start = weights[name].clone(), 0
    for each in shares:
        if each:
            proportions = torch.tensor(each, dtype=table.dtype, device=table.device)
            table[start + len(each)] = (proportions / proportions.sum()) @ table[start : start + len(each)]
        start += len(each) + 1
    return {**weights, name: table}


def check_image_size(size: UNetSize, images: Size) -> None:
    """Refuses an image side that the network can't halve as often as it has levels."""
    step = size.patch * 2 ** (len(size.channels) - 1)
    sides = image_shape(images)[1:]
    if any(side % step for side in sides):
        pixels = images if isinstance(images, int) else " x ".join(map(str, sides))
        raise UsageError(
            f"images of {pixels} pixels can't pass a network of {len(size.channels)} levels",
            do=f"choose scans.size as a multiple of {step}, or fewer network.channels",
        )
