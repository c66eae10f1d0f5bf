"""Where every random number comes from: named seeded streams for public work, the operating system for private work.

Public draws (phantoms, public training, sampling from a finished generator) are reproducible: they come from
:class:`Streams`, one named stream a purpose. Draws of a private step (which patients, which scans, noise levels,
diffusion noise, dropout, the noise of DP itself) come from a :class:`SecureStream` keyed by the operating system's
entropy; the key lives in memory only, is never written anywhere and works in the process that made it alone.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

_PAIRS = 1 << 13  # Box-Muller pairs worked on at a time: six arrays of 64 KiB stay in the processor's cache
_ZEROS = bytes(16 * _PAIRS)
_SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(8)]
"""Taylor's terms: below pi/4 the next one is under 5e-17, less than a float64 near 1 resolves."""

_forks = 0  # how many forks lie between the first process and this one


def _count_fork() -> None:
    global _forks
    _forks += 1


# The process number alone would do but for numbers used again; the count alone but for forks that Python never sees.
os.register_at_fork(after_in_child=_count_fork)


def _process() -> tuple[int, int]:
    return os.getpid(), _forks


@dataclass(frozen=True)
class Streams:
    """Named, reproducible random streams for public work.

    Two names give independent streams; the same name gives the same stream again.

    Args:
        seed: Any integer; public, printed in the recipe.
    """

    seed: int

    def _entropy(self, name: str, index: int) -> int:
        digest = hashlib.sha256(f"{self.seed}\x1f{name}\x1f{index}".encode()).digest()
        return int.from_bytes(digest[:16], "big")

    def numpy(self, name: str, index: int = 0) -> np.random.Generator:
        """Returns the NumPy generator of this name and index."""
        return np.random.Generator(np.random.PCG64(self._entropy(name, index)))

    def torch_seed(self, name: str, index: int = 0) -> int:
        """Returns a 63-bit seed for ``torch.Generator(...).manual_seed`` of this name and index."""
        return self._entropy(name, index) >> 65


class SecureStream:
    """A cryptographic random stream: AES-256 in counter mode under a secret key, in one process.

    Guarantee: without the key the output can't be told from uniform bits (AES as a pseudo-random permutation, the
    birthday bound is far off at the lengths used here). Children of different labels are independent: their keys
    are HMAC-SHA256 of the label. A forked child holds a copy of every key of its parent and would repeat its draws:
    in another process than the one that made the stream, every draw and every child raises. Nor can it be pickled or
    copied. Floats are float64: uniforms are multiples of 2^-53 in [0, 1), Gaussians come from the Box-Muller formula,
    so one of them ends at sqrt(106 ln 2) = 8.57 sigma (a limit of floating point).

    Args:
        key: 32 secret bytes.
        seeded: True if the key came from a seed: such a stream is for tests, and its mark is sticky.

    Raises:
        RuntimeError: From every draw, in a process that did not make the stream.
    """

    def __init__(self, key: bytes, *, seeded: bool = False) -> None:
        if len(key) != 32:
            raise ValueError(f"key must be 32 bytes, got {len(key)}")
        self._key = key
        self.seeded = seeded
        self._cipher: CipherContext | None = None
        self._maker = _process()
        self._given = False

    def __repr__(self) -> str:
        return f"SecureStream(seeded={self.seeded})"

    def __reduce__(self) -> str:
        raise TypeError("a secure stream holds a secret key and can't be pickled, copied or saved")

    def _secret(self) -> bytes:
        """Returns the key, in the process that made the stream only."""
        if self._maker != _process():
            raise RuntimeError(
                "a secure stream belongs to the process that made it: in a forked child it would repeat its parent's "
                "private draws; call secure_generator() in this process and draw from that"
            )
        if self._given:
            raise RuntimeError("this stream was handed over to another process, which draws from it")
        return self._key

    def child(self, label: bytes) -> SecureStream:
        """Returns the stream of a sub-key; depends on this key and the label only, not on what was drawn before."""
        key = hmac.new(self._secret(), b"medsyngen child\x00" + label, hashlib.sha256).digest()
        return SecureStream(key, seeded=self.seeded)

    def handed_over(self) -> bytes:
        """Returns the key, for :class:`SecureStream` in another process of the same job; it is secret.

        Guarantee: a stream is drawn from in one process: one that was drawn from can't be handed over, and one that
        was handed over can't be drawn from here. Whoever passes the key on keeps it in memory, as here.

        Raises:
            RuntimeError: It was drawn from, or handed over before.
        """
        if self._cipher is not None:
            raise RuntimeError("a stream that was drawn from can't be handed over: its draws would repeat")
        key = self._secret()
        self._given = True
        return key

    def coin(self, label: bytes) -> float:
        """Returns one uniform in [0, 1) of the child ``label``, cheaply: the top 53 bits of one HMAC-SHA256."""
        digest = hmac.new(self._secret(), b"medsyngen coin\x00" + label, hashlib.sha256).digest()
        return (int.from_bytes(digest[:8], "little") >> 11) * 2.0**-53

    def bytes(self, count: int) -> bytes:
        """Returns the next ``count`` bytes of the key stream."""
        key = self._secret()
        if self._cipher is None:
            # A key is used for one stream only, so the counter may start at zero.
            self._cipher = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
        if count <= len(_ZEROS):
            return self._cipher.update(_ZEROS[:count])
        return self._cipher.update(bytes(count))

    def _words(self, count: int) -> NDArray[np.uint64]:
        """Returns the next ``count`` whole numbers below 2^53, equally likely."""
        return np.frombuffer(self.bytes(8 * count), dtype="<u8") >> np.uint64(11)

    def uniform(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Returns float64 uniforms in [0, 1), multiples of 2^-53."""
        out = self._words(int(np.prod(shape))).astype(np.float64)
        out *= 2.0**-53
        return out.reshape(shape)

    def normal(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Returns float64 standard Gaussians (Box and Muller 1958), from two 53-bit uniforms a pair.

        The time depends on the shape only, never on the values: nothing is rejected and drawn again. Beside the
        result about half a megabyte is used, whatever the shape.
        """
        out = np.empty(int(np.prod(shape)))
        for start in range(0, len(out), 2 * _PAIRS):
            part = out[start : start + 2 * _PAIRS]
            n = (len(part) + 1) // 2
            words = self._words(2 * n)
            radius, cosine, sine = _radius(words[:n]), *_circle(words[n:])
            np.multiply(radius, cosine, out=part[:n])
            np.multiply(radius[: len(part) - n], sine[: len(part) - n], out=part[n:])
        return out.reshape(shape)

    def choose(self, n: int, count: int) -> NDArray[np.int64]:
        """Returns ``count`` different indices below ``n``, every subset equally likely (up to 2^-53)."""
        if not 0 <= count <= n:
            raise ValueError(f"can't choose {count} of {n}")
        return np.argsort(self.uniform(n), kind="stable")[:count].astype(np.int64)


def _radius(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Returns sqrt(-2 ln u) for u = (word + 1) 2^-53 in (0, 1], which float64 holds exactly."""
    u = words.astype(np.float64)
    u += 1.0
    u *= 2.0**-53
    np.log(u, out=u)
    u *= -2.0
    return np.sqrt(u, out=u)


def _circle(words: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns cosine and sine of 4 x, x = (word 2^-53 - 1/2) pi/2: a point of the circle, every angle equally likely.

    NumPy's own cosine and sine take three quarters of the time of a Gaussian. Here the sine of x comes from its series
    and the angle is doubled twice, in place; the error is below 2e-15, the angle's own grid is 7e-16.
    """
    x = words.astype(np.float64)
    x *= 2.0**-53 * math.pi / 2
    x -= math.pi / 4
    square = x * x
    sine = square * _SINE[-1]
    for term in _SINE[-2:0:-1]:
        sine += term
        sine *= square
    sine += 1.0
    sine *= x
    np.multiply(sine, sine, out=square)
    np.subtract(1.0, square, out=x)
    np.sqrt(x, out=x)  # the cosine of x: at least 0.7, so nothing cancels
    sine *= x
    sine *= 2.0  # sin 2x = 2 sin x cos x
    square *= -2.0
    square += 1.0  # cos 2x = 1 - 2 sin^2 x
    square *= sine
    square *= 2.0  # sin 4x
    sine *= sine
    sine *= -2.0
    sine += 1.0  # cos 4x
    return sine, square


def secure_generator() -> SecureStream:
    """Returns a stream under a fresh key from the operating system, new at every call."""
    return SecureStream(os.urandom(32))


def seeded_generator_for_tests(seed: int) -> SecureStream:
    """Returns a reproducible stream; whatever is made with it carries the mark ``seeded`` and can't be released."""
    return SecureStream(hashlib.sha256(b"medsyngen seeded" + str(seed).encode()).digest(), seeded=True)
