"""Declared attributes of scans, such as finding, sex and view: what a synthetic cohort can be asked for.

Everything here is public and chosen without looking at the scans: names, values and shares stand in the recipe.
Attributes are independent: a cohort is drawn as if the value of one said nothing about the value of another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from medsyngen.cohort.labels import LABEL, ClassDefinition
from medsyngen.formats.dicom_templates import CONDITION_CODES

CLASS: Final = "class"
"""The name of the one attribute that a recipe's ``classes:`` declares."""
MOST_ATTRIBUTES: Final = 6
MOST_COMBINATIONS: Final = 1024
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TAKEN: Final = frozenset(
    ("dicom", "nifti", "bids", "png", "npz", "labels", "synthetic_patient_id")
)  # other columns of a cohort's table


@dataclass(frozen=True)
class Attribute:
    """One attribute of the recipe and its values.

    Args:
        name: A column of the synthetic cohort's table: lower-case letters, digits and ``_``, at most 32.
        values: Name, label text and share of each value; the shares add up to 1.
        column: The column of the label file that holds the label texts, in any case; None takes ``name``.
        dicom: The DICOM attribute that says it, a key of ``CONDITION_CODES``: read where the label file says nothing,
            and written into the synthetic files. The labels are then its codes, such as ``F``.

    Raises:
        ValueError: A name, label, share or code is not allowed.
    """

    name: str
    values: tuple[ClassDefinition, ...]
    column: str | None = None
    dicom: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in _TAKEN:
            raise ValueError(
                f"an attribute can't be called {self.name!r}: take a-z, 0-9, _, and no other column's name"
            )
        faults = list(self._faults())
        if faults:
            raise ValueError(f"attribute {self.name}: {'; '.join(faults)}")

    def _faults(self) -> Iterator[str]:
        for what, texts in (("names", [v.name for v in self.values]), ("labels", self.labels)):
            if len(set(texts)) != len(texts):
                yield f"the {what} of its values must differ"
        total = sum(value.share for value in self.values)
        if self.values and abs(total - 1) > 1e-6:
            yield f"the shares of its values must add up to 1, not {total:g}"
        if self.dicom is not None and self.dicom not in CONDITION_CODES:
            yield f"dicom must be one of {', '.join(CONDITION_CODES)}"
        elif self.dicom is not None and not set(self.labels) <= CONDITION_CODES[self.dicom]:
            yield f"the labels must be codes of {self.dicom}: {', '.join(sorted(CONDITION_CODES[self.dicom]))}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The label text of each value, without surrounding spaces."""
        return tuple(value.label.strip() for value in self.values)

    @property
    def source(self) -> str:
        """The column of the label file, in lower case as tables are read."""
        return (self.column or self.name).strip().lower()

    def code(self, value: str) -> str:
        """Returns the DICOM code of a value's name; empty for "", the null, and where none is declared."""
        codes = {each.name: each.label.strip() for each in self.values}
        return codes.get(value, "") if self.dicom else ""


def short_form(classes: Sequence[ClassDefinition]) -> tuple[Attribute, ...]:
    """Returns the one attribute that ``classes:`` is short for; it has no value if there are no classes."""
    return (Attribute(CLASS, tuple(classes), column=LABEL),)


def check_conditions(attributes: Sequence[Attribute]) -> None:
    """Checks the attributes of a recipe together.

    Raises:
        ValueError: One has no value, two share a name or a DICOM attribute, or there are too many.
    """
    names = [attribute.name for attribute in attributes]
    written = [attribute.dicom for attribute in attributes if attribute.dicom]
    if len(set(names)) != len(names) or len(set(written)) != len(written):
        raise ValueError("the attributes of `conditions` must differ in name, and in what they are in DICOM")
    empty = [attribute.name for attribute in attributes if not attribute.values]
    if empty:
        raise ValueError(f"attribute {empty[0]} has no values")
    combinations = math.prod(len(attribute.values) for attribute in attributes)
    if len(attributes) > MOST_ATTRIBUTES or combinations > MOST_COMBINATIONS:
        raise ValueError(
            f"`conditions` can hold {MOST_ATTRIBUTES} attributes and {MOST_COMBINATIONS} combinations of values, "
            f"not {len(attributes)} and {combinations}"
        )


def first_rows(counts: Sequence[int]) -> tuple[int, ...]:
    """Returns each attribute's first row in the one table of embeddings: its values come first, its null last.

    Args:
        counts: Number of values of each attribute.
    """
    return tuple(accumulate((count + 1 for count in counts), initial=0))[:-1]
