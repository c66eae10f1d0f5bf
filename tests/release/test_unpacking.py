"""Packed files are opened, bounded, and what stands around their content is read, too."""

import gzip
import io
import zipfile

import nibabel
import numpy as np
import pytest

from medsyngen.release.plain_text import readable
from medsyngen.release.unpacking import nifti_start, numpy_start, read_gzip, zip_members


def words(data: bytes, *, picture: bool) -> bytes:
    return b"\n".join(part.data for part in readable(data) if part.picture is picture)


def packed(data: bytes, **how) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", **how) as file:
        file.write(data)
    return out.getvalue()


def test_a_name_and_a_time_in_a_gzip_header_are_seen():
    member = read_gzip(packed(b"text", filename="SMITH_JOHN.nii", mtime=1))
    assert (member.plain, member.content, member.after) == (False, b"text", b"")
    assert b"SMITH_JOHN" in words(packed(b"text", filename="SMITH_JOHN.nii"), picture=False)
    assert read_gzip(packed(b"text", filename="", mtime=0)).plain
    assert not read_gzip(packed(b"text", filename="", mtime=1700000000)).plain


def test_a_second_member_is_read():
    two = packed(b"first", filename="", mtime=0) + packed(b"hidden name", filename="", mtime=0)
    assert read_gzip(two).after
    assert b"hidden name" in words(two, picture=False)


@pytest.mark.parametrize("cut", [5, 12, -1, -6])
def test_a_gzip_file_that_is_cut_off_is_an_error(cut):
    with pytest.raises(ValueError, match="gzip"):
        read_gzip(packed(b"some text that is long enough", filename="", mtime=0)[:cut])


def test_a_bomb_is_refused_before_it_is_unpacked():
    with pytest.raises(ValueError, match="too large"):
        read_gzip(packed(bytes(1 << 20), filename="", mtime=0), most=1000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    with pytest.raises(ValueError, match="too large"):
        list(zip_members(out.getvalue(), most=1000))


def test_a_zip_file_is_read_with_names_comments_and_text_arrays():
    out = io.BytesIO()
    np.savez_compressed(out, images=np.full((3, 4), 65, np.uint8), who=np.array(["Doe^John"]))
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"archive of Mueller"
    said = words(out.getvalue(), picture=False)
    assert b"images.npy" in said
    assert b"Mueller" in said
    assert b"Doe^John" in said  # UTF-32 in the file
    assert b"A" * 12 in words(out.getvalue(), picture=True)


def test_the_header_of_a_volume_is_text_and_its_voxels_are_not():
    image = nibabel.Nifti1Image(np.full((4, 4, 4), 0x4141, np.int16), np.eye(4))
    image.header["aux_file"] = b"Doe^John"
    data = image.to_bytes()
    assert nifti_start(data) == 352
    assert nifti_start(data[:300]) is None
    for stored in (data, packed(data, filename="", mtime=0)):
        assert b"Doe^John" in words(stored, picture=False)
        assert b"AAAA" in words(stored, picture=True)
        assert b"AAAA" not in words(stored, picture=False)


def test_numbers_of_an_array_are_told_from_its_texts():
    def saved(array):
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()

    assert numpy_start(saved(np.zeros(3, np.float32))) == 128
    assert numpy_start(saved(np.array(["text"]))) is None
    assert numpy_start(b"anything") is None
