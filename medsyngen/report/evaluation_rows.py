"""The figures of an evaluation as rows of words: the same on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = tuple[str, str, str, str]
COLUMNS = ("of", "figure", "synthetic", "real: the floor, or TRTR")
_KIDS = (
    ("KID x 1000 to test patients", "to_test", "to_test_floor"),
    ("KID x 1000 to patients learned from", "to_private", "to_private_floor"),
)


def group_name(row: Mapping[str, Any]) -> str:
    """Returns what a group is called."""
    return "all" if row["attribute"] is None else f"{row['attribute']}: {row['value']}"


def fidelity_rows(row: Mapping[str, Any]) -> list[Row]:
    """Returns one group's figures of fidelity, or why there are none.

    Args:
        row: Of ``fidelity`` in evaluation.json.
    """
    name, found = group_name(row), row["figures"]
    if found is None:
        return [(name, f"left out: {row['left_out']}", "", "")]
    distances = found["kid_x1000"]
    rows = [(name, words, interval(distances[key], 1), interval(distances[floor], 1)) for words, key, floor in _KIDS]
    fd, manifold, spectrum = found["fd"], found["manifold"], found["spectrum_db"]
    rows.append((name, "FD", f"left out: {fd['refused']}", "") if fd["refused"] else _pair(name, "FD", fd, "floor", 1))
    if manifold["synthetic"] is not None:
        rows += [
            (name, what, f"{manifold['synthetic'][what]:.3f}", f"{manifold['floor'][what]:.3f}")
            for what in ("precision", "recall")
        ]
    if found["ms_ssim"]["synthetic"] is not None:
        rows.append(_pair(name, "MS-SSIM within a class", found["ms_ssim"], "real", 3))
    return [*rows, _pair(name, "spectrum, dB off", spectrum, "floor", 2)]


def utility_rows(row: Mapping[str, Any], *, every: bool = False) -> list[Row]:
    """Returns the AUC of one attribute, trained on synthetic and on real images, or why there is none.

    Args:
        row: Of ``utility`` in evaluation.json.
        every: Accuracy, each classifier and each group as well.
    """
    name = f"{row['attribute']}: {row['positive']}"
    if row["left_out"]:
        return [(name, f"AUC left out: {row['left_out']}", "", "")]
    sides = row["tstr"], row["trtr"]
    wanted: list[tuple[str, Sequence[str]]] = [("AUC, mean of all classifiers", ("auc",))]
    if every:
        wanted += [("accuracy", ("accuracy",)), ("balanced accuracy", ("balanced_accuracy",))]
        wanted += [(f"AUC, {each}", ("classifiers", each, "auc")) for each in sides[0]["classifiers"]]
        wanted += [(f"AUC within {each}", ("groups", each, "auc")) for each in sides[0].get("groups", {})]
    return [(name, words, interval(_at(sides[0], path), 3), interval(_at(sides[1], path), 3)) for words, path in wanted]


def copy_lines(copies: Mapping[str, Any]) -> list[str]:
    """Returns what the search for copies says, in sentences."""
    test = copies["test"]
    if test is None:
        return [f"No test for copies: {copies['left_out']}."]
    parts = [
        f"{space}: {found['closer']:.1%} of synthetic images are nearest to a training patient (p = "
        f"{found['closer_p']:.3g}), {found['standing_out_share']:.0%} of the {found['standing_out']} that stand out "
        f"most (p = {found['standing_out_p']:.3g})"
        for space, found in test["figures"].items()
    ]
    verdict = "nearer than chance" if test["p_value"] <= test["level"] else "no nearer than chance shows"
    return [
        f"Synthetic images lie {verdict} to training patients: p = {test['p_value']:.3g} over all tests; by chance "
        f"{test['expected_share']:.1%} would be nearest to one. Null: {test['null']}.",
        *(f"{part}." for part in parts),
        power_line(test),
    ]


def power_line(test: Mapping[str, Any]) -> str:
    """Returns how many planted copies the test would have found."""
    sure = [row for row in test["power"] if row["found"] >= 0.8]
    if not sure:
        most = max((row["copies"] for row in test["power"]), default=0)
        return f"Power: not even {most} planted copies are found in four of five cases, so a large p says little."
    few = sure[0]
    return (
        f"Power: copies of {few['copies']} training patients among the images are found in {few['found']:.0%} of "
        "cases; fewer may go unseen."
    )


def interval(found: Mapping[str, float], digits: int) -> str:
    """Returns a figure with its interval."""
    value, low, high = (f"{found[end]:.{digits}f}" for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _pair(name: str, what: str, found: Mapping[str, Any], other: str, digits: int) -> Row:
    return name, what, f"{found['synthetic']:.{digits}f}", f"{found[other]:.{digits}f}"


def _at(found: Any, path: Sequence[str]) -> Any:
    for step in path:
        found = found[step]
    return found
