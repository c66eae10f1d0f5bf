"""What stands for a network's size in a hash. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain_size(size: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a ``UNetSize``: ``patch`` came later, and is left out where it is 1.

    Recipes and experts without it keep the hash that ledgers, checkpoints and files know.
    """
    return {name: value for name, value in size.items() if name != "patch" or value != 1}
