"""What a recipe takes that reads no scan: computing, and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from medsyngen.errors import UsageError
from medsyngen.planning.cost import check_speed, count_parameters, images_per_second
from medsyngen.privacy.budget import Guarantee
from medsyngen.recipe import Recipe
from medsyngen.scan import positions

_IMAGES_AT_ONCE = 32
"""In measuring; larger batches go at about the same speed an image."""


@dataclass(frozen=True)
class PhantomsPlan:
    """What a machine needs for a generator of phantoms alone.

    Args:
        parameters: Weights of the network.
        images_per_second: Forward and backward passes of one image a second, or None if unknown.
        measured: Whether that was measured just now.
        public_seconds: Of training on phantoms, 0 if the public expert is there already, or None if unknown.
        public_expert_exists: Whether the public expert is in the package or the cache.
    """

    parameters: int
    images_per_second: float | None
    measured: bool
    public_seconds: float | None
    public_expert_exists: bool

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values, with the guarantee that such a run has."""
        nothing = Guarantee.without_scans()
        return {
            "epsilon": nothing.epsilon,
            "delta": nothing.delta,
            "unit": nothing.unit,
            "adjacency": nothing.adjacency,
            "scans_read": nothing.scans_read,
            "cost": asdict(self),
        }


def plan_phantoms(recipe: Recipe, *, speed: float | None = None, measure: bool = True) -> PhantomsPlan:
    """Returns what it takes to make a generator of phantoms alone.

    Args:
        recipe: Whose every band phantoms serve; N_max may be missing.
        speed: Images a second, if it is known.
        measure: Whether to measure the speed otherwise.

    Raises:
        UsageError: Private scans serve a band, or a number is out of range.
    """
    from medsyngen.diffusion.unet import check_image_size, unet_for
    from medsyngen.synthesis.context_loss import ContextLoss
    from medsyngen.synthesis.experts import find_expert

    if recipe.reads_scans:
        raise UsageError("this recipe learns from scans", do="plan it with its patients_at_most")
    check_speed(speed)
    method, size = recipe.synthesis, recipe.scans.image_size
    check_image_size(method.network, size)
    network = unet_for(method.network, size, class_rows=1, seed=0).eval()
    exists = find_expert(method.expert_identity(size)) is not None
    measured = speed is None and measure and not exists
    if measured:
        _, context, _ = method.bands.split(positions(size))
        loss = ContextLoss(network, context, method.context_noise, 1, 1)
        speed = images_per_second(loss, size=size, images=min(method.public.batch_size, _IMAGES_AT_ONCE))
    images = method.public.steps * method.public.batch_size
    return PhantomsPlan(
        parameters=count_parameters(network),
        images_per_second=speed,
        measured=measured,
        public_seconds=0.0 if exists else None if speed is None else images / speed,
        public_expert_exists=exists,
    )
