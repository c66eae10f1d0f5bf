"""Every file of the folder of odd ones is read, or refused for the reason that its cause asks for."""

import csv

import pytest
from what_is_read import check, outcome, table

from medsyngen.formats.dicom_pixels import read_frames

# Where the list's reader failed and this one reads: what is broken comes after the pixels.
READ_AFTER_ALL = {"fo-dicom__GH364.dcm"}
# Where the list's reader gives pixels and this one refuses, with the reason.
REFUSED = {
    "pydicom-data__JPGLosslessP14SV1_1s_1f_8b.dcm": "transfer-syntax",
    "pydicom-data__bad_sequence.dcm": "transfer-syntax",
    "pydicom-data__liver.dcm": "derived",
    "pydicom-data__parametric_map_float.dcm": "derived",
}


def said(path):
    found = read_frames(path)
    frames, rows, columns = found.pixels.shape
    size = f"{rows} × {columns}" if frames == 1 else f"{frames} frames of {rows} × {columns}"
    return f"{size}, {found.pixels.min():g} to {found.pixels.max():g}"


@pytest.mark.realdata
def test_every_odd_file(real_data):
    pytest.importorskip("openjpeg", reason="the extra `codecs` is not installed")
    folder = real_data / "dicom_odd_dev"
    listed = {row["file"]: row for row in csv.DictReader((folder / "manifest.csv").read_text().splitlines())}
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in (".csv", ".txt"))
    assert len(files) == len(listed)
    rows = []
    for path in files:
        row = listed[path.name]
        rows.append((path.name, f"{row['mod']} {row['photo']} {row['bits']}", row["ts"], outcome(said, path)))
        refused = rows[-1][-1].startswith("refused")
        assert refused == ((row["pix"] != "ok" and path.name not in READ_AFTER_ALL) or path.name in REFUSED), path.name
        if path.name in REFUSED:
            assert REFUSED[path.name] in rows[-1][-1]
        if not refused and row["shape"]:
            shape = tuple(int(each) for each in row["shape"].strip("()").split(","))
            shape = shape[:-1] if row["spp"] == "3" else shape
            assert read_frames(path).pixels.shape[-len(shape) :] == shape
    check("dicom_odd_dev", table(rows, ("file", "modality, colours, bits", "transfer syntax", "what came of it")))
