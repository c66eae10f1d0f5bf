"""Files that claim or unpack to far more than they are: refused from the header, in little memory and time."""

import gzip
import struct
import zlib

import numpy as np
import pytest
from nifti_maker import make_nifti
from PIL import Image

from medsyngen.formats.allowance import Limits
from medsyngen.formats.nifti import is_nifti, read_nifti, read_nifti_header
from medsyngen.formats.raster import read_raster
from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.volume_reading import read_nifti_file

LIMITS = Limits(seconds=2.0, memory=512 << 20)  # over what the process takes at its start


@pytest.fixture(scope="module")
def workers():
    with ReadingWorkers(limits=LIMITS) as started:
        yield started


def claim_of_terabytes(folder):
    """A small compressed file whose header claims 6.7 TB."""
    plain = make_nifti(folder / "a.nii", dim_at_1=30000, dim_at_2=30000, dim_at_3=3700).read_bytes()
    (folder / "bomb.nii.gz").write_bytes(gzip.compress(plain + bytes(4 << 20)))
    return folder / "bomb.nii.gz", "too-large"


def claim_in_few_bytes(folder):
    """100 MiB of zeros, honestly claimed, in a tenth of a megabyte."""
    plain = make_nifti(folder / "a.nii", dim_at_1=512, dim_at_2=512, dim_at_3=200).read_bytes()[:352]
    packed = zlib.compressobj(1, wbits=31)
    data = packed.compress(plain)
    for _ in range(100):
        data += packed.compress(bytes(1 << 20))
    (folder / "bomb.nii.gz").write_bytes(data + packed.flush())
    return folder / "bomb.nii.gz", "too-large"


def long_way_to_the_voxels(folder):
    """Voxels said to begin after 16 MiB, in a stream of zeros that never stops."""
    plain = make_nifti(folder / "a.nii", vox_offset=float(1 << 24)).read_bytes()
    (folder / "bomb.nii.gz").write_bytes(gzip.compress(plain + bytes(8 << 20)))
    return folder / "bomb.nii.gz", "truncated"


def junk_after_the_voxels(folder):
    """640 MiB behind a small honest volume: never inflated."""
    member = gzip.compress(bytes(64 << 20), 1)
    (folder / "bomb.nii.gz").write_bytes(gzip.compress(make_nifti(folder / "a.nii").read_bytes()) + 10 * member)
    return folder / "bomb.nii.gz", ""


def many_members(folder):
    """A gzip file of a hundred thousand empty members before the header."""
    (folder / "bomb.nii.gz").write_bytes(gzip.compress(b"") * 100_000)
    return folder / "bomb.nii.gz", "not-nifti"


@pytest.mark.parametrize(
    "bomb", [claim_of_terabytes, claim_in_few_bytes, long_way_to_the_voxels, junk_after_the_voxels, many_members]
)
def test_a_bomb_is_refused_within_the_limits(tmp_path, workers, bomb):
    path, why = bomb(tmp_path)
    (answer,) = workers.imap(read_nifti_file, [str(path)])
    assert (answer.reason if isinstance(answer, ScanRefused) else "") == why  # never reader-died nor too-slow


def test_a_refusal_by_the_header_reads_only_the_header(tmp_path):
    path, _ = claim_of_terabytes(tmp_path)
    assert is_nifti(path)
    with pytest.raises(ScanRefused) as refused:
        read_nifti_header(path)
    assert refused.value.reason == "too-large"


def test_an_easy_label_map_of_few_bytes_is_read(tmp_path):
    path = make_nifti(tmp_path / "a.nii.gz", np.zeros((128, 128, 64)), kind="<u1")
    assert path.stat().st_size * 200 < 128 * 128 * 64
    assert read_nifti(path).pixels.shape == (128, 128, 64)


def png(width, height, data=b""):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "why"), [(16000, 16000, "too-large"), (9000, 9000, "too-large"), (20000, 10, "too-large")]
)
def test_a_picture_that_claims_too_much(tmp_path, width, height, why):
    (tmp_path / "a.png").write_bytes(png(width, height, zlib.compress(bytes(1000))))
    with pytest.raises(ScanRefused) as refused:
        read_raster(tmp_path / "a.png")
    assert refused.value.reason == why


def test_a_picture_with_a_bomb_of_text(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "A" * (80 << 20), zip=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(ScanRefused) as refused:
        read_raster(tmp_path / "a.png")
    assert refused.value.reason == "unreadable"
