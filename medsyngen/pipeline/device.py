"""Where to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsyngen.errors import UsageError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """Returns the device of a name: ``auto`` takes a CUDA GPU if there is one, else the CPU.

    Raises:
        UsageError: There is no such device here, or it can't sum in float64.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise UsageError(
            f"the device {name!r} can't be used here (it must exist and add in float64)",
            do="leave --device out, or choose cpu, cuda or cuda:N",
        ) from error
    return device
