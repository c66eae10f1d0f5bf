"""Where every random number comes from: named seeded streams for public work, the operating system for private work.

Public draws (phantoms, public training, sampling from a finished generator) are reproducible: they come from
:class:`Streams`, one named stream a purpose. Draws of a private step (which patients, which scans, noise levels,
diffusion noise, dropout, the noise of DP itself) come from a :class:`SecureStream` keyed by the operating system's
entropy; the key lives in memory only and is never written anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

_ZEROS = bytes(1 << 16)


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
    """A cryptographic random stream: AES-256 in counter mode under a secret key.

    Guarantee: without the key the output can't be told from uniform bits (AES as a pseudo-random permutation, the
    birthday bound is far off at the lengths used here). Children of different labels are independent: their keys
    are HMAC-SHA256 of the label. Floats are float64: uniforms are multiples of 2^-53 in [0, 1), Gaussians come from
    the Box-Muller formula, so their tails end at about 8.6 sigma (a limit of floating point, stated in the report).

    Args:
        key: 32 secret bytes.
        seeded: True if the key came from a seed: such a stream is for tests, and its mark is sticky.
    """

    def __init__(self, key: bytes, *, seeded: bool = False) -> None:
        if len(key) != 32:
            raise ValueError(f"key must be 32 bytes, got {len(key)}")
        self._key = key
        self.seeded = seeded
        self._cipher: CipherContext | None = None

    def __repr__(self) -> str:
        return f"SecureStream(seeded={self.seeded})"

    def __reduce__(self) -> str:
        raise TypeError("a secure stream holds a secret key and can't be pickled, copied or saved")

    def child(self, label: bytes) -> SecureStream:
        """Returns the stream of a sub-key; depends on this key and the label only, not on what was drawn before."""
        key = hmac.new(self._key, b"medsyngen child\x00" + label, hashlib.sha256).digest()
        return SecureStream(key, seeded=self.seeded)

    def coin(self, label: bytes) -> float:
        """Returns one uniform in [0, 1) of the child ``label``, cheaply: the top 53 bits of one HMAC-SHA256."""
        digest = hmac.new(self._key, b"medsyngen coin\x00" + label, hashlib.sha256).digest()
        return (int.from_bytes(digest[:8], "little") >> 11) * 2.0**-53

    def bytes(self, count: int) -> bytes:
        """Returns the next ``count`` bytes of the key stream."""
        if self._cipher is None:
            # A key is used for one stream only, so the counter may start at zero.
            self._cipher = Cipher(algorithms.AES256(self._key), modes.CTR(bytes(16))).encryptor()
        if count <= len(_ZEROS):
            return self._cipher.update(_ZEROS[:count])
        return self._cipher.update(bytes(count))

    def uniform(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Returns float64 uniforms in [0, 1), multiples of 2^-53."""
        count = int(np.prod(shape))
        words = np.frombuffer(self.bytes(8 * count), dtype="<u8")
        return ((words >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)

    def normal(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Returns float64 standard Gaussians (Box and Muller 1958)."""
        count = int(np.prod(shape))
        half = (count + 1) // 2
        u = self.uniform((2, half))
        radius = np.sqrt(-2.0 * np.log1p(-u[0]))  # 1 - u lies in (0, 1]: the logarithm is finite
        angle = 2.0 * np.pi * u[1]
        out = np.empty(2 * half)
        np.multiply(radius, np.cos(angle), out=out[:half])
        np.multiply(radius, np.sin(angle), out=out[half:])
        return out[:count].reshape(shape)

    def choose(self, n: int, count: int) -> NDArray[np.int64]:
        """Returns ``count`` different indices below ``n``, every subset equally likely (up to 2^-53)."""
        if not 0 <= count <= n:
            raise ValueError(f"can't choose {count} of {n}")
        return np.argsort(self.uniform(n), kind="stable")[:count].astype(np.int64)


def secure_generator() -> SecureStream:
    """Returns a stream under a fresh key from the operating system, new at every call."""
    return SecureStream(os.urandom(32))


def seeded_generator_for_tests(seed: int) -> SecureStream:
    """Returns a reproducible stream; whatever is made with it carries the mark ``seeded`` and can't be released."""
    return SecureStream(hashlib.sha256(b"medsyngen seeded" + str(seed).encode()).digest(), seeded=True)
