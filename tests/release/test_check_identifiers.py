"""A source identifier is found wherever it is planted, and our own words are not taken for one."""

import base64
import io
import zlib

import pytest
from PIL import Image


def nested(text):
    def change(ds):
        ds.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeMeaning = text

    return lambda cohort: cohort.change_dicom(change)


def html_with_a_picture(cohort):
    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, "PNG")
    png = cohort.with_chunk(stream.getvalue(), b"tEXt", b"Comment\0PAT-77-XQ")
    cohort.append("privacy_report.html", b'<img src="data:image/png;base64,' + base64.b64encode(png) + b'">')


def into_pixels(cohort):
    path = cohort.folder / cohort.dicom
    data = path.read_bytes()
    path.write_bytes(data[:-40] + cohort.uid.encode().ljust(40, b"\0"))


def uid_in_meta(cohort):
    cohort.change_dicom(lambda ds: setattr(ds.file_meta, "MediaStorageSOPInstanceUID", cohort.uid))


LEAKS = {
    "nested sequence": nested("seen by doe^müller"),
    "whole number in DICOM": nested("record 00123456."),
    "UID in file meta": uid_in_meta,
    "pixel data": into_pixels,
    "PNG text chunk": lambda c: c.add_chunk(b"tEXt", b"Source\0PAT-77-XQ"),
    "PNG compressed text": lambda c: c.add_chunk(b"zTXt", b"Source\0\0" + zlib.compress(b"from PAT-77-XQ")),
    "PNG compressed Unicode": lambda c: c.add_chunk(
        b"iTXt", b"Source\0\1\0en\0\0" + zlib.compress("Doe^Müller".encode())
    ),
    "PNG behind its end": lambda c: c.append(c.png, b"PAT-77-XQ"),
    "table": lambda c: c.append("cohort.csv", b"dicom/SYN-000004.dcm,,SYN-HHHHHH-000004,00123456\n"),
    "table, as a file name": lambda c: c.append("cohort.csv", b"/scans/00123456.dcm\n"),
    "HTML escapes": lambda c: c.append("privacy_report.html", b"<b>o&#39;brien</b>"),
    "JSON escapes": lambda c: c.append("privacy_report.json", b'"Doe^M\\u00fcller"'),
    "URL escapes": lambda c: c.append("privacy_report.html", b"Doe%5EM%C3%BCller"),
    "Latin-1": lambda c: c.append("README.md", "DOE^MÜLLER".encode("latin-1")),
    "UTF-16": lambda c: c.append("README.md", "PAT-77-XQ".encode("utf-16-be")),
    "picture in HTML": html_with_a_picture,
    "file name": lambda c: (c.folder / "dicom" / "PAT-77-XQ.dcm").write_bytes(b""),
    "counter that is none of ours": lambda c: c.append("README.md", b"SYN-00123456"),
}


@pytest.mark.parametrize("where", LEAKS)
def test_a_planted_identifier_is_an_incident(cohort, where):
    LEAKS[where](cohort)
    error = cohort.refusal()
    assert error.what.startswith("incident")
    found = [line for line in error.details if line.startswith("source identifiers: ")]
    assert found
    assert all("holds" in line or "named" in line for line in found)


def test_our_own_words_and_counters_are_no_identifiers(cohort):
    words = frozenset({"SYNTHETIC", "Synthesizing Equipment", "20250101", "000000", "MONOCHROME2", "cohort.csv"})
    assert cohort.review(identifiers=words | {"000001", "000002", "000003", "SYN-000002"})
    assert cohort.review(identifiers=frozenset({"ε = 7.9"}), public=("ε = 7.9",))
    cohort.refusal(identifiers=frozenset({"privacy_report.html"}))  # of the caller: not ours to know
    cohort.append("README.md", b" 000002")  # not in the place of a counter
    assert cohort.refusal(identifiers=frozenset({"000002"})).what.startswith("incident")
