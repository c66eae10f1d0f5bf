"""A gzip file whose header says nothing and that holds one member to its last byte (RFC 1952)."""

from __future__ import annotations

from typing import Final

from medsyngen.release.unpacking import read_gzip

HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, no system: the only header that is written."""


def plain_content(data: bytes, most: int) -> bytes:
    """Returns what a gzip file holds.

    Args:
        data: Its bytes.
        most: The most bytes that it may hold.

    Raises:
        ValueError: Its header says anything (a name, a time, a comment, a system), bytes follow, it is damaged or holds
            more.
    """
    member = read_gzip(data, most)
    if member.header != HEADER or member.after:
        raise ValueError("a gzip file that says more than its content")
    return member.content
