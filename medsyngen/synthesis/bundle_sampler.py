"""Drawing from a generator that was released as a MONAI bundle; what its inference config calls.

It needs no recipe and no ledger: the weights' file says what the networks are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medsyngen.cohort.conditions import first_rows
from medsyngen.diffusion.sampling import SAMPLERS
from medsyngen.diffusion.schedule import karras_steps
from medsyngen.errors import UsageError
from medsyngen.formats.png import write_png
from medsyngen.scan import image_shape, positions
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator, experts_of, read_tensors


def facts_to_json(facts: GeneratorFacts) -> dict[str, Any]:
    """Returns the public numbers of a generator as plain JSON."""
    from pydantic import TypeAdapter

    plain: dict[str, Any] = TypeAdapter(GeneratorFacts).dump_python(facts, mode="json")
    return plain


def facts_from_json(plain: Mapping[str, Any]) -> GeneratorFacts:
    """Returns what :func:`facts_to_json` was given.

    Raises:
        UsageError: They are not those of a generator.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(GeneratorFacts).validate_python(plain)
    except ValidationError:
        raise UsageError(
            "the bundle's weights say nothing that this version understands",
            do="install the version of medsyngen that the bundle's metadata.json names",
        ) from None


class BundleSampler:
    """Turns noise into images, in [0, 1].

    Everything random comes from torch's global generator, as is usual in bundles: seed that for images that repeat.

    Args:
        weights: ``models/generator.safetensors`` of the bundle.
        device: Where to compute.
        values: Attribute -> value of every image; what is left out is drawn by its public shares. The one attribute of
            recipes without ``conditions`` is called ``class``.

    Raises:
        VerificationFailed: It is no file of weights.
        UsageError: There is no such value.
    """

    def __init__(
        self, weights: str, device: str | torch.device = "cpu", values: Mapping[str, str] | None = None
    ) -> None:
        tensors, told = read_tensors(Path(weights))
        self._facts = facts_from_json(told["generator"])
        public, context = experts_of(tensors)
        self._device = torch.device(device)
        self._denoise = StagedGenerator(self._facts, public, context, self._device).denoiser()
        self._values = dict(values or {})
        self._check()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the noise of one image."""
        return (1, *image_shape(self._facts.size))

    def __call__(self, noise: Tensor) -> Tensor:
        """Returns images in [0, 1], of the shape of the noise.

        Args:
            noise: Standard Gaussian, float32 (n, 1, size, size).
        """
        facts = self._facts
        sigmas = karras_steps(facts.sampler_steps, facts.bands.sigma_min, facts.bands.sigma_max(positions(facts.size)))
        given = [noise]

        def fresh() -> Tensor:
            return (given.pop() if given else torch.randn(noise.shape)).to(self._device)

        images = SAMPLERS[facts.sampler](self._denoise, fresh, self._rows(len(noise)), sigmas)
        return (images.clamp(-1, 1) + 1) / 2

    def write(self, count: int, folder: str) -> list[str]:
        """Draws images one after another and writes them as 16-bit PNG files that say that they are synthetic."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        files = [place / f"SYN-{number:06d}.png" for number in range(1, count + 1)]
        for file in files:
            image = self(torch.randn(self.shape))[0, 0].cpu().numpy()
            write_png(file, image * 2 - 1, bits=16)
        return [str(file) for file in files]

    def _rows(self, count: int) -> Tensor:
        told = self._facts.conditioning
        starts = first_rows(told.counts) if len(told.names) > 1 else (0,)
        columns = []
        for name, values, shares, start in zip(told.names, told.values, told.shares, starts, strict=True):
            if name in self._values:
                drawn = torch.full((count,), values.index(self._values[name]))
            elif shares:
                drawn = torch.multinomial(torch.tensor(shares, dtype=torch.float64), count, replacement=True)
            else:
                drawn = torch.zeros(count, dtype=torch.int64)
            columns.append(start + drawn)
        rows = torch.stack(columns, dim=1).to(self._device)
        return rows[:, 0] if len(columns) == 1 else rows

    def _check(self) -> None:
        told = self._facts.conditioning
        known = dict(zip(told.names, told.values, strict=True))
        wrong = [f"{name} = {value}" for name, value in self._values.items() if value not in known.get(name, ())]
        if wrong:
            raise UsageError(
                f"the bundle knows no {', '.join(wrong)}",
                do="choose from "
                + ("; ".join(f"{name}: {', '.join(values)}" for name, values in known.items() if values) or "nothing"),
            )
