"""The small validator agrees with the library ``jsonschema`` on our schemas and on whatever is made of them."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from medsyngen.verification.json_schema import problems
from medsyngen.verification.parsing import schema


def library(value, of):
    return Draft202012Validator(of).is_valid(value)


@pytest.mark.parametrize("name", ["manifest", "report"])
def test_the_schemas_are_sound(name):
    Draft202012Validator.check_schema(schema(name))


@pytest.fixture(scope="module")
def documents(whole):
    return {name: json.loads((whole.cohort / file).read_text()) for name, file in FILES.items()}


FILES = {"manifest": "manifest.json", "report": "privacy_report.json"}
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 5), st.floats(-1, 2), st.text(max_size=3), st.just([]), st.just({})
)


def places(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in children:
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_it_agrees_with_the_library_on_changed_documents(documents, name, data):
    document = copy.deepcopy(documents[name])
    assert problems(document, schema(name)) == []
    path = data.draw(st.sampled_from([place for place in places(document) if place]))
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent, dict) and data.draw(st.booleans()):
        del parent[path[-1]]
        parent |= data.draw(st.dictionaries(st.sampled_from(["more", "kind"]), ANYTHING, max_size=1))
    else:
        parent[path[-1]] = data.draw(ANYTHING)
    assert (problems(document, schema(name)) == []) == library(document, schema(name))


RULES = [
    {"type": "integer"},
    {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1},
    {"const": 1},
    {"enum": [0, None, [True], {"a": 1}]},
    {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "boolean"}},
    {
        "type": "object",
        "minProperties": 1,
        "patternProperties": {"^a": {"type": "null"}},
        "additionalProperties": False,
    },
    {"properties": {"a": {"type": "string", "minLength": 2, "pattern": "^x"}}, "required": ["a"]},
    {"oneOf": [{"type": "integer"}, {"minimum": 3}]},
    {"additionalProperties": {"type": "integer"}, "properties": {"a": False}},
    {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "integer"}},
]
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 5), st.sampled_from([0.5, 1.0, 3.5, "x", "xy", "a"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "ab", "b"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("rule", RULES)
@given(value=VALUES)
def test_every_keyword_is_the_librarys(rule, value):
    assert (problems(value, rule) == []) == library(value, rule)


def test_a_keyword_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="uniqueItems"):
        problems([], {"uniqueItems": True})
