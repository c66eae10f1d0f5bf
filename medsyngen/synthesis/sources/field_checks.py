"""What a recipe may write into the fields of a source: checked alike, without a look at the disk."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from medsyngen.errors import UsageError


def check_attested(attested_by: str, what: str) -> None:
    """Refuses a source that nobody says is public.

    Args:
        attested_by: Who says so.
        what: The source, as messages name it.

    Raises:
        UsageError: Nobody does.
    """
    check_texts(attested_by=attested_by)
    if not attested_by.strip():
        raise UsageError(f"nobody attests that {what} is public", do="write into `attested_by` who says so, and why")


def check_texts(**given: Any) -> None:
    """Refuses values that are no texts, by the names of their fields.

    Raises:
        UsageError: Naming all of them.
    """
    wrong = [f"`{name}`" for name, value in given.items() if not isinstance(value, str) or "\0" in value]
    if wrong:
        raise UsageError(f"{', '.join(wrong)} of the source must be a text", do="write it in quotation marks")


def check_folder(folder: Path, what: str) -> None:
    """Refuses a folder that is named as seen from some other one: a run is gone on with and drawn from anywhere.

    Whether it is there is asked when it is used: a report or an export may do without it.

    Args:
        folder: As the recipe says.
        what: The source, as messages name it.

    Raises:
        UsageError: It is no whole path.
    """
    if not os.path.isabs(folder) or "\0" in str(folder):
        raise UsageError(
            f"`folder` of {what} is no folder on this machine by its whole path",
            do="give its whole path, as it is seen from everywhere; nothing is ever downloaded",
        )


def check_rising(name: str, ends: Any) -> None:
    """Refuses a range that is not two finite numbers, the smaller one first.

    Raises:
        UsageError: Naming the field.
    """
    numbers = isinstance(ends, tuple | list) and all(
        isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end) for end in ends
    )
    if not numbers or len(ends) != 2 or not ends[0] < ends[1]:
        raise UsageError(f"`{name}` of the source must be two rising numbers", do=f"write {name}: [low, high]")
