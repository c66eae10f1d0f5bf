"""The list of source identifiers is read whole, or is missing."""

import pytest

from medsyngen.cohort.identifiers import write_identifiers
from medsyngen.release.identifiers import load_identifiers


def test_reads_what_fit_wrote(tmp_path):
    path = tmp_path / "identifiers.json"
    write_identifiers(path, ["Doe^Jüne", "two\nlines"])
    assert load_identifiers(path) == {"Doe^Jüne", "two\nlines"}


@pytest.mark.parametrize("content", [None, b"1\n", b'{"a": 1}\n', b'"Doe^Ja', b"\xff"])
def test_what_can_not_be_read_whole_is_missing(tmp_path, content):
    path = tmp_path / "identifiers.json"
    if content is not None:
        path.write_bytes(content)
    assert load_identifiers(path) is None
