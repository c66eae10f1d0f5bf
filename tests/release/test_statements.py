"""What the hospital says: checked for form, left out where empty, no part of the hash where there is none."""

from __future__ import annotations

import dataclasses

import pytest

from medsyngen.errors import UsageError
from medsyngen.recipe import load_recipe, recipe_from
from medsyngen.release.statements import LONGEST, Statements


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Statements)])
def test_each_field_is_told_only_if_it_was_given(name: str) -> None:
    given = {"date": "2031-05-04", "review_date": "2032-05-04", "authors": ("A", "B"), "curator_type": "Nonprofit"}
    said = given.get(name, "words\nin two lines")
    told = Statements(**{name: said}).given()
    assert told == {name: list(said) if isinstance(said, tuple) else said}
    assert Statements().given() == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("date", "4 May 2031"),
        ("date", "2031-5-4"),
        ("review_date", "2031-02-30"),
        ("curator", "x" * (LONGEST + 1)),
        ("curator", "a\x00b"),
        ("curator", "a\x1b[2Jb"),
        ("curator", "a\u202eb"),
        ("curator_type", "University"),
        ("authors", ("ok", "a\tb")),
    ],
)
def test_what_can_not_stand_in_a_report_is_refused_by_name(name: str, words: object) -> None:
    with pytest.raises(UsageError) as refused:
        Statements(**{name: words})
    assert any(line.startswith(f"report.{name}") for line in refused.value.details)


def test_a_recipe_without_statements_keeps_its_hash_and_one_with_them_comes_back() -> None:
    bare = load_recipe("smoke-16")
    assert "report" not in bare.resolved()
    assert load_recipe("smoke-16", ["report={}"]).sha256 == bare.sha256
    said = load_recipe("smoke-16", ["report.curator=Sample Hospital", "report.authors=[a, b]"])
    assert said.sha256 != bare.sha256
    assert recipe_from(said.resolved()) == said


def test_an_unknown_statement_is_refused_with_the_word_that_was_meant() -> None:
    with pytest.raises(UsageError) as refused:
        load_recipe("smoke-16", ["report.curater=x"])
    assert "curator" in refused.value.details[0]
