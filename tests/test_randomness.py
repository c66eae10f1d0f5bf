"""Public streams repeat, private ones never do; children depend on key and label alone."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.randomness import SecureStream, Streams, secure_generator, seeded_generator_for_tests


def test_named_streams_repeat_and_differ_by_name_index_and_seed():
    draw = lambda seed, name, index: tuple(Streams(seed).numpy(name, index).random(4))  # noqa: E731
    assert draw(1, "a", 0) == draw(1, "a", 0)
    assert len({draw(1, "a", 0), draw(1, "a", 1), draw(1, "b", 0), draw(2, "a", 0)}) == 4


def test_two_secure_generators_never_agree():
    assert not np.array_equal(secure_generator().uniform(8), secure_generator().uniform(8))


def test_a_child_does_not_depend_on_what_was_drawn_before():
    stream = secure_generator()
    before = stream.child(b"x").normal(5)
    stream.normal(1000)
    stream.child(b"y").normal(3)
    assert np.array_equal(before, stream.child(b"x").normal(5))


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_different_labels_give_different_children(a: bytes, b: bytes):
    stream = SecureStream(bytes(32))
    same = np.array_equal(stream.child(a).uniform(4), stream.child(b).uniform(4))
    assert same == (a == b)
    assert (stream.coin(a) == stream.coin(b)) == (a == b)


def test_the_stream_goes_on_where_it_stopped_and_long_requests_equal_short_ones():
    whole = SecureStream(bytes(32)).bytes(200_000)
    stream = SecureStream(bytes(32))
    assert b"".join(stream.bytes(50_000) for _ in range(4)) == whole


def test_gaussians_have_the_right_moments_and_tails():
    x = seeded_generator_for_tests(7).normal(2_000_000)
    assert x.dtype == np.float64
    n = len(x)
    assert abs(x.mean()) < 4 / np.sqrt(n)
    assert abs(x.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((np.abs(x) > 3).mean() - 0.0026998) < 4 * np.sqrt(0.0027 / n)
    assert abs(np.corrcoef(x[: n // 2], x[n // 2 :])[0, 1]) < 4 / np.sqrt(n / 2)


@pytest.mark.parametrize("shape", [0, 1, 3, (2, 5), (1, 3, 3)])
def test_shapes(shape):
    stream = secure_generator()
    expected = (shape,) if isinstance(shape, int) else shape
    assert stream.normal(shape).shape == expected
    assert stream.uniform(shape).shape == expected


@given(st.integers(1, 30), st.data())
def test_choose_gives_different_indices(n: int, data: st.DataObject):
    count = data.draw(st.integers(0, n))
    chosen = secure_generator().choose(n, count)
    assert len(set(chosen.tolist())) == count
    assert set(chosen.tolist()) <= set(range(n))


def test_a_secret_key_is_neither_shown_nor_saved():
    stream = SecureStream(b"k" * 32)
    assert "kk" not in repr(stream)
    with pytest.raises(TypeError, match="secret key"):
        pickle.dumps(stream)


def test_the_seeded_mark_goes_to_the_children():
    assert seeded_generator_for_tests(0).child(b"a").child(b"b").seeded
    assert not secure_generator().child(b"a").seeded
