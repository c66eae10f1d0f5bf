"""How failures end: message, next step, exit code; private values stay out of it."""

from __future__ import annotations

import pytest

from medsyngen import errors

FAILURES = [
    (errors.MedsyngenError, 1),
    (errors.UsageError, 2),
    (errors.InputUnusable, 3),
    (errors.TooManySkipped, 4),
    (errors.BudgetRefused, 5),
    (errors.ReleaseRefused, 6),
    (errors.VerificationFailed, 7),
]
RAISE = """
import medsyngen.recipe
def fail():
    raise {failure}
medsyngen.recipe.shipped_recipes = fail
"""


@pytest.mark.parametrize(("kind", "code"), FAILURES)
def test_errors_end_with_their_code_and_say_what_to_do(cli, monkeypatch, kind, code):
    import medsyngen.recipe

    def fail() -> None:
        raise kind("case 00017 [is] unusable", do="mend it", details=["case 00017: why", "case 00018: [bold]why"])

    monkeypatch.setattr(medsyngen.recipe, "shipped_recipes", fail)
    done = cli("recipes", "--json")
    assert (done.code, done.out) == (code, "")
    assert done.err == ("error: case 00017 [is] unusable\n  case 00017: why\n  case 00018: [bold]why\nnext: mend it\n")


def test_an_unforeseen_error_shows_neither_its_text_nor_a_traceback(process):
    done = process("recipes", before=RAISE.format(failure="ValueError('Doe^Jane')"))
    assert (done.code, done.out) == (1, "")
    assert "internal error: ValueError in medsyngen.cli.recipes, line" in done.err
    assert "--debug" in done.err
    assert "Jane" not in done.err
    assert "Traceback" not in done.err


def test_debug_shows_the_traceback_with_a_warning_and_without_values_of_variables(process):
    before = RAISE.format(failure="ValueError('the text')").replace("raise", "secret = 'Doe^' + 'Jane'; raise")
    done = process("--debug", "recipes", before=before)
    assert done.code == 1
    assert "may hold private values" in done.err
    assert "Traceback" in done.err
    assert "ValueError: the text" in done.err
    assert "Doe^Jane" not in done.err


def test_an_interrupt_ends_with_130_and_says_how_to_go_on(process):
    done = process("recipes", before=RAISE.format(failure="KeyboardInterrupt"))
    assert (done.code, done.out) == (130, "")
    assert "interrupted" in done.err
    assert "stay charged" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("noise", ["warnings.warn('Doe^Jane')", "logging.getLogger('library').warning('Doe^Jane')"])
def test_what_libraries_mutter_about_files_is_not_shown(process, noise):
    before = f"""
import logging, warnings
import medsyngen.recipe
def mutter():
    {noise}
    return {{}}
medsyngen.recipe.shipped_recipes = mutter
"""
    assert process("recipes", before=before).err == ""
    assert "Jane" in process("--debug", "recipes", before=before).err


@pytest.mark.parametrize("arguments", [["fit"], ["nonsense"], ["export", "run", "--out", "x", "--count", "none"]])
def test_usage_errors_end_with_2_on_stderr(cli, arguments):
    done = cli(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Error" in done.err


def test_a_terminal_without_greek_letters_is_no_error(process):
    before = RAISE.format(failure="medsyngen.errors.UsageError('ε is 3', do='lower ε')")
    done = process("recipes", before=before, env={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (2, "error: ? is 3\nnext: lower ?\n")
