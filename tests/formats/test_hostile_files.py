"""Files that attack their reader are refused with a reason, and the reader goes on."""

import time

import pytest
from hostile_files import HOSTILE, write

from medsyngen.formats.locator import read_image
from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused

pytestmark = pytest.mark.slow  # processes that read


@pytest.fixture(scope="module")
def worker():
    with ReadingWorkers() as one:
        yield one


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_reason(tmp_path, worker, make_dicom, name):
    import numpy as np

    sound = str(make_dicom(tmp_path / "sound", np.arange(64, dtype=np.uint16).reshape(8, 8)))
    hostile, after = worker.imap(read_image, [write(name, tmp_path), sound])
    assert isinstance(hostile, ScanRefused), "it was read"
    assert hostile.reason in HOSTILE[name][1]
    assert after.pixels.shape == (8, 8)


def test_a_pipe_with_a_silent_writer_does_not_hold_the_reader_up(tmp_path, worker):
    import os

    path = write("a-pipe", tmp_path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    start = time.monotonic()
    (answer,) = worker.imap(read_image, [path])
    os.close(writer)
    os.close(reading)
    assert isinstance(answer, ScanRefused)
    assert time.monotonic() - start < 30
