"""Public streams repeat, private ones never do; children depend on key and label alone; bits as AES gives them."""

import copy
import hashlib
import hmac
import math
import pickle
import tracemalloc

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
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


def aes(key: bytes, blocks: bytes) -> bytes:
    return Cipher(algorithms.AES256(key), modes.ECB()).encryptor().update(blocks)


NIST_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")


def test_the_stream_is_aes_256_in_counter_mode():
    """Known answers: AES-256 of SP 800-38A (F.1.5) and of the zero block; the stream is AES of 0, 1, 2, ..."""
    assert aes(NIST_KEY, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == "f3eed1bdb5d2a03c064b5a7e3db181f8"
    assert SecureStream(bytes(32)).bytes(16).hex() == "dc95c078a2408989ad48a21492842087"
    blocks = 70_000  # the counter passes one and two bytes, the request the buffer of zeros
    counters = b"".join(i.to_bytes(16, "big") for i in range(blocks))
    stream = SecureStream(NIST_KEY)
    assert stream.bytes(16 * 300) + stream.bytes(16 * (blocks - 300)) == aes(NIST_KEY, counters)


def test_children_and_coins_are_hmac_sha256_each_with_its_own_prefix():
    digest = lambda prefix: hmac.new(NIST_KEY, prefix + b"label", hashlib.sha256).digest()  # noqa: E731
    stream = SecureStream(NIST_KEY)
    assert stream.child(b"label").bytes(16) == aes(digest(b"medsyngen child\x00"), bytes(16))
    coin = int.from_bytes(digest(b"medsyngen coin\x00")[:8], "little") >> 11
    assert stream.coin(b"label") == coin / 2**53


def gaussians_one_by_one(words: list[int]) -> list[float]:
    """Box and Muller's formula as the textbook has it: the oracle of the fast one."""
    n = len(words) // 2
    radius = [math.sqrt(-2 * math.log((w + 1) / 2**53)) for w in words[:n]]
    angle = [2 * math.pi * (w / 2**53 - 0.5) for w in words[n:]]
    cosine = [r * math.cos(t) for r, t in zip(radius, angle, strict=True)]
    return cosine + [r * math.sin(t) for r, t in zip(radius, angle, strict=True)]


@pytest.mark.parametrize("count", [1, 2, 7, 1000, 2**14, 2**14 + 1, 2**15 + 3])
def test_gaussians_equal_the_textbook_formula(count: int):
    stream, words = SecureStream(NIST_KEY), SecureStream(NIST_KEY)
    expected: list[float] = []
    while len(expected) < count:
        part = min(count - len(expected), 2**14)
        pairs = (part + 1) // 2
        drawn = (np.frombuffer(words.bytes(16 * pairs), "<u8") >> np.uint64(11)).tolist()
        expected += gaussians_one_by_one(drawn)[:part]
    np.testing.assert_allclose(stream.normal(count), expected, rtol=0, atol=9e-15)


def test_the_ends_of_the_uniforms_give_finite_gaussians(monkeypatch):
    """The smallest and the largest word for radius and angle: no infinity, and the end at sqrt(106 ln 2)."""
    ends = np.array([0, 2**53 - 1, 0, 2**53 - 1, 0, 0, 2**52, 2**53 - 1], dtype=np.uint64)
    monkeypatch.setattr(SecureStream, "_words", lambda self, count: ends[:count].copy())
    x = secure_generator().normal(8)
    assert np.isfinite(x).all()
    assert np.abs(x).max() == pytest.approx(math.sqrt(106 * math.log(2)), rel=1e-14)


def test_long_draws_need_little_memory_beside_the_result():
    stream = secure_generator()
    tracemalloc.start()
    x = stream.normal(4_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - x.nbytes < 2e6


def test_every_bit_of_a_uniform_is_a_fair_coin_on_its_own():
    """2^20 uniforms from the operating system's entropy; 7 sigma each, 158 checks: false alarms below 5e-10."""
    n = 1 << 20
    u = secure_generator().uniform(n)
    words = u * 2.0**53
    assert (words == np.floor(words)).all()  # multiples of 2^-53
    assert u.min() >= 0
    assert u.max() < 1
    bits = np.array([(words.astype(np.uint64) >> np.uint64(i)) & np.uint64(1) for i in range(53)], dtype=np.int8)
    signs = 2 * bits - 1
    bound = 7 * math.sqrt(n)
    assert np.abs(signs.sum(1, dtype=np.int64)).max() < bound  # fair
    assert np.abs((signs[1:] * signs[:-1]).sum(1, dtype=np.int64)).max() < bound  # of the bit beside it
    assert np.abs((signs[:, 1:] * signs[:, :-1]).sum(1, dtype=np.int64)).max() < bound  # of the uniform before


def test_coins_are_uniform():
    """Kolmogorov-Smirnov: sqrt(n) D above 3.5 has probability 2 exp(-2 * 3.5^2) < 1e-10."""
    stream, n = secure_generator(), 20_000
    coins = np.sort([stream.coin(b"%d" % i) for i in range(n)])
    grid = np.arange(n + 1) / n
    distance = max((grid[1:] - coins).max(), (coins - grid[:-1]).max())
    assert math.sqrt(n) * distance < 3.5


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
    for save in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="secret key"):
            save(stream)


def test_the_seeded_mark_goes_to_the_children():
    assert seeded_generator_for_tests(0).child(b"a").child(b"b").seeded
    assert not secure_generator().child(b"a").seeded
