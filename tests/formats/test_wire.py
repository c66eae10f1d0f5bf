"""What crosses the pipe comes back as it was, and nothing else is taken."""

import json
from enum import Enum
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.walking import Kind
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import ImageValues
from medsyngen.formats.wire import HEAD, pack, sizes, unpack


def there_and_back(value):
    message = b"".join(pack(value))
    total, text = sizes(message[:HEAD])
    assert total == len(message) - HEAD
    return unpack(bytearray(message[HEAD:]), text)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text()), inner)
        | st.frozensets(st.text() | st.tuples(st.integers()))
    ),
    max_leaves=20,
)


@given(plain)
def test_plain_values_come_back(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@given(st.sampled_from(["f4", "<u2", ">i2", "?", "f8"]), st.lists(st.integers(0, 4), max_size=3).map(tuple))
def test_arrays_come_back(kind, shape):
    array = (np.arange(int(np.prod(shape))) % 7).astype(kind).reshape(shape)
    back = there_and_back((array, array.T))
    for got, want in zip(back, (array, array.T), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_what_medsyngen_is_made_of_comes_back():
    geometry = SliceGeometry((0.0, 1.0, 2.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.5), frame_of_reference="1.2")
    assert there_and_back([geometry, Kind.NPZ, PurePosixPath("a/b")]) == [geometry, Kind.NPZ, PurePosixPath("a/b")]
    image = there_and_back(ImageValues(np.ones((2, 3), np.float32), (0.0, 1.0)))
    assert image.value_range == (0.0, 1.0)
    assert image.pixels.shape == (2, 3)
    assert there_and_back("lone \udc80 surrogate of a path") == "lone \udc80 surrogate of a path"
    refused = there_and_back(ScanRefused("too-large", "detail"))
    assert (refused.reason, refused.what) == ("too-large", ScanRefused("too-large", "detail").what)


class Foreign(Enum):
    ONE = 1


@pytest.mark.parametrize("value", [object(), np.array([object()]), lambda: 0])
def test_what_can_not_be_sent_is_a_mistake_of_ours(value):
    with pytest.raises(TypeError):
        pack(value)


def body(value, lengths=()):
    text = json.dumps([value, list(lengths)]).encode()
    return bytearray(text + bytes(sum(length for length in lengths if length > 0))), len(text)


@pytest.mark.parametrize(
    ("value", "lengths"),
    [
        (["data", "os:system", {}], ()),
        (["data", "subprocess:Popen", {"args": ["true"]}], ()),
        (["data", "medsyngen.formats.wire:json", {}], ()),
        (["data", "medsyngen.formats.wire:re.compile", {}], ()),
        (["data", "medsyngen.formats.reading_process:ReadingProcess", {"limits": 1}], ()),
        (["data", "medsyngen.formats.reading_process:Path", {}], ()),
        (["data", "medsyngen.nowhere:Nothing", {}], ()),
        (["data", "medsyngen.formats.values:ImageValues", {"wrong": 1}], ()),
        (["enum", "medsyngen.formats.values:ImageValues", "pixels"], ()),
        (["refused", "a name of a patient", ""], ()),
        (["refused", "flat", ["a"]], ()),
        (["unheard", 1], ()),
        (["array", "O", [1], 0], (8,)),
        (["array", "<f4", [1 << 40], 0], (8,)),
        (["array", "<f4", [-1, -2], 0], (8,)),
        (["array", "<f4", [2], 1], (8,)),
        (["bytes", 3], (8,)),
        (["bytes", 0], (-1,)),
        (["dict", [["list"], 1]], ()),
        ([], ()),
    ],
)
def test_nothing_else_is_taken(value, lengths):
    with pytest.raises(ValueError, match=r".*"):
        unpack(*body(value, lengths))


@pytest.mark.parametrize("head", [bytes(HEAD), b"\xff" * HEAD, (5).to_bytes(8, "little") + (6).to_bytes(4, "little")])
def test_heads_that_can_not_be(head):
    with pytest.raises(ValueError, match="head"):
        sizes(head)
