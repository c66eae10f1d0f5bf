"""Declared parameter spaces: what may vary in a phantom, how far, in which unit, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Parameters = Mapping[str, NDArray[np.float64]]
"""Name -> one value an image, shape (count,)."""


@dataclass(frozen=True)
class Parameter:
    """One number of a phantom, uniform on its range (or uniform in its logarithm).

    Ranges come from literature or from choices made in public; never from private scans.

    Args:
        name: Of the parameter.
        low: Smallest value.
        high: Largest value.
        unit: Unit of the value; ``1`` for a ratio.
        source: Where the range comes from.
        log: Uniform in the logarithm.
    """

    name: str
    low: float
    high: float
    unit: str
    source: str
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name}: needs low < high, got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"{self.name}: a logarithmic range must be positive, got {self.low}")

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Returns ``count`` values."""
        if self.log:
            return np.exp(rng.uniform(np.log(self.low), np.log(self.high), count))
        return rng.uniform(self.low, self.high, count)

    def at(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the values at places in [0, 1]: 0 is the smallest, 1 the largest, equal lengths equally likely."""
        if self.log:
            return np.clip(self.low * (self.high / self.low) ** place, self.low, self.high)
        return np.clip(self.low + (self.high - self.low) * place, self.low, self.high)

    def place(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns where values lie in the range; the inverse of :meth:`at`."""
        if self.log:
            return np.asarray(np.log(values / self.low) / np.log(self.high / self.low), np.float64)
        return (values - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class ParameterSpace:
    """All parameters of a phantom, in a fixed order.

    Args:
        parameters: Each with its own name.
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = [p.name for p in self.parameters]
        if len(set(names)) != len(names):
            raise ValueError(f"parameter names must differ, got {names}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names, in order."""
        return tuple(p.name for p in self.parameters)

    def draw(self, count: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Returns ``count`` independent values of every parameter."""
        return {p.name: p.draw(count, rng) for p in self.parameters}

    def at(self, places: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Returns the parameters at points of the unit cube, float64 (count, parameters), in which all are alike."""
        return {p.name: p.at(places[:, column]) for column, p in enumerate(self.parameters)}

    def places(self, parameters: Parameters) -> NDArray[np.float64]:
        """Returns the points of the unit cube, (count, parameters); the inverse of :meth:`at`."""
        return np.stack([p.place(parameters[p.name]) for p in self.parameters], axis=1)

    def columns(self, parameters: Parameters) -> dict[str, NDArray[np.float32]]:
        """Returns the values as float32 (count, 1, 1), ready to meet a grid of pixels.

        Raises:
            ValueError: A parameter is missing, unknown, of another length, or outside its range.
        """
        if set(parameters) != set(self.names):
            raise ValueError(f"parameters differ from the space: {sorted(set(parameters) ^ set(self.names))}")
        lengths = {len(value) for value in parameters.values()}
        if len(lengths) > 1:
            raise ValueError(f"parameters of different lengths: {sorted(lengths)}")
        for p in self.parameters:
            value, slack = parameters[p.name], 1e-9 * (p.high - p.low)
            if not bool(((value >= p.low - slack) & (value <= p.high + slack)).all()):
                raise ValueError(f"{p.name} leaves its range [{p.low}, {p.high}]")
        return {name: np.asarray(value, np.float32)[:, None, None] for name, value in parameters.items()}

    def describe(self) -> list[dict[str, Any]]:
        """Returns every parameter as plain JSON, for reports and for the hash of what was trained on them."""
        return [asdict(p) for p in self.parameters]
