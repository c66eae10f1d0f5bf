"""The benchmark's page says what its rows say."""

from tests.benchmarks.utility_table import HEAD, PAGE, page, rows


def row(arm, seed, value, epsilon=3.0):
    numbers = {"value": value, "low": value - 10, "high": value + 10}
    return {
        "task": {"name": "simulated", "size": 28},
        "images": {"scored": {"normal": 1200, "opacity": 800}},
        "privacy": {"epsilon_claimed": epsilon},
        "arm": arm,
        "seed": seed,
        "fidelity": {
            "kid_x1000": {f"to_{real}{floor}": numbers for real in ("test", "private") for floor in ("", "_floor")},
            "manifold": {kind: {"precision": 0.5, "recall": 0.25} for kind in ("synthetic", "floor")},
            "ms_ssim": {"synthetic": 0.3, "real": 0.2},
        },
        "utility": {kind: {"auc": numbers, "balanced_accuracy": numbers} for kind in ("tstr", "trtr")},
    }


def test_the_page_is_that_of_the_rows_beside_it():
    assert PAGE.read_text("utf-8") == page(rows()), "run python -m tests.benchmarks.utility_table"


def test_several_seeds_become_mean_smallest_and_largest():
    text = page([row("none", 0, 100.0), row("none", 1, 300.0), row("default", 0, 50.0)])
    assert "| 3 | 0, 1 | 200 [100, 300] |" in text
    assert "| **default** | 3 | 0 | 50 [40, 60] |" in text
    assert text.index("**default**") < text.index("DPDM")


def test_what_is_not_private_has_no_epsilon():
    assert "**NOT PRIVATE** | ∞ |" in page([row("ceiling", 0, 1.0, None)])


def test_a_task_without_rows_has_no_table():
    assert page([]) == HEAD
