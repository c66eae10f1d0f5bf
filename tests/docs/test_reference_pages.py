"""The pages that follow from the code are today's, and leave nothing out."""

from __future__ import annotations

import dataclasses
import re

import pytest
import typer.main

from medsyngen.cli.app import app
from medsyngen.recipe import METHODS
from medsyngen.synthesis.sources import OURS, SOURCES
from tests.docs import commands_page, fields, recipe_page
from tests.docs.pages import DOCS

RENEW = "run `make reference`, read the difference, commit it"


@pytest.fixture(scope="module")
def recipe() -> str:
    return recipe_page.page()


def test_the_pages_are_todays(recipe: str):
    assert commands_page.PAGE.read_text("utf-8") == commands_page.page(), RENEW
    assert recipe_page.PAGE.read_text("utf-8") == recipe, RENEW


def section(page: str, name: str) -> str:
    found = re.search(rf"(?ms)^## {name}\n(.*?)(?=^## |\Z)", page)
    assert found, name
    return found[1]


def rows(page: str, name: str) -> dict[str, list[str]]:
    """The cells of a class's table by the field's name."""
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", section(page, name), flags=re.MULTILINE)
    return {field: re.split(r"(?<!\\) \| ", rest) for field, rest in lines}


@pytest.mark.parametrize("reference", [*METHODS.values(), *SOURCES.values()], ids=[*METHODS, *SOURCES])
def test_every_field_of_every_method_has_a_meaning(recipe: str, reference: str):
    todo, seen = [recipe_page.class_at(reference)], set()
    while todo:
        kind = todo.pop()
        seen.add(kind)
        ours = OURS if reference in SOURCES.values() else ()
        names = [f.name for f in dataclasses.fields(kind) if not f.metadata.get("derived") and f.name not in ours]
        found = rows(recipe, kind.__name__)
        assert list(found) == names
        assert all(cells[-1].strip() for cells in found.values()), f"{kind.__name__}: a field without a meaning"
        todo += [inner for _, inner in fields.nested(kind) if inner not in seen and reference in METHODS.values()]


def test_what_is_allowed_is_what_the_program_says(recipe: str):
    assert rows(recipe, "DPSGD")["steps"][2] == "positive"
    assert rows(recipe, "StagedDiffusion")["sampler"][2] == "one of heun, ddim, ancestral"
    assert rows(recipe, "ReleaseForm")["bits"][2].startswith("8 to 16")
    assert rows(recipe, "PrivacySettings")["epsilon"][2] == "between 0 and 1000"


def test_a_meaning_is_asked_of_the_classes_that_one_grew_from():
    @dataclasses.dataclass(frozen=True)
    class Old:
        """Old.

        Args:
            first: The ``first`` of :class:`Two`.
        """

        first: int = 0

    @dataclasses.dataclass(frozen=True)
    class New(Old):
        """New.

        Args:
            second: The second.
        """

        second: int = 0

        def __post_init__(self) -> None:
            if self.second < 0:
                raise ValueError(f"second must be at least 0, got {self.second}")

    first, second = fields.fields_of(New, New())
    assert (first.meaning, first.allowed, first.default) == ("The `first` of `Two`.", (), "`0`")
    assert (second.meaning, second.allowed) == ("The second.", ("at least 0",))


def test_a_command_is_listed_with_its_whole_sentence_and_a_link():
    page = commands_page.page()
    listed = re.findall(r"^\* \[`[a-z]+`\]\(#[a-z-]+\): (.+)$", page, flags=re.MULTILINE)
    assert len(listed) == len(commands_page.commands(typer.main.get_command(app), "medsyngen")) - 1
    assert not [sentence for sentence in listed if sentence.endswith("...")]
    assert "* [`create`](#medsyngen-ledger-create): " in page


def test_the_first_page_names_every_command_and_shows_what_the_tutorial_runs():
    first = (DOCS / "index.md").read_text("utf-8")
    table = first.partition("## The commands")[2].partition("\n## ")[0]
    root = commands_page.commands(typer.main.get_command(app), "medsyngen")
    told = set(re.findall(r"`([a-z ]+)`", table))
    assert {name.split()[1] for name in root if " " in name} == {name.split()[0] for name in told}
    run = (DOCS / "tutorials" / "first-cohort.md").read_text("utf-8")
    for line in re.findall(r"^medsyngen demo .*$", first, flags=re.MULTILINE):
        assert line in run, "the tutorial is run by a test, this line is not"
