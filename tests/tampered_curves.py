"""Ways to make the curves of a report say less than its events: each gets ``curves`` and changes it in place."""

from __future__ import annotations

from medsyngen.report.curves import _derived


def lower_profile(curves) -> None:
    """A better profile, with all that follows from it mended."""
    for point in curves["delta_of_epsilon"]:
        point["delta"] *= 0.9
    pairs = [(point["epsilon"], point["delta"]) for point in curves["delta_of_epsilon"]]
    curves.update(_derived(pairs))


CURVES = {
    "ε lower": lambda curves: curves["epsilon_of_delta"][4].update(
        epsilon=0.9 * curves["epsilon_of_delta"][4]["epsilon"]
    ),
    "a lower profile, all mended": lower_profile,
    "more misses": lambda curves: curves["trade_off"][8].update(misses_at_least=0.999),
    "a smaller guess": lambda curves: curves.update(guessed_right_at_most=0.51),
    "fewer found": lambda curves: curves["found_at_most"][1].update(share=0.011),
    "a smaller μ": lambda curves: curves["gaussian"].update(mu=0.9 * curves["gaussian"]["mu"]),
    "a μ said to be exact": lambda curves: curves["gaussian"].update(exact=True, slack=0.0),
}
