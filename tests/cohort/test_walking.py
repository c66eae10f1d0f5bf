import os

import numpy as np

from medsyngen.cohort.fact_reading import read_facts
from medsyngen.cohort.walking import Kind, find_files

PIXELS = np.zeros((2, 2), np.uint16)


def test_every_file_is_seen_in_order_and_taken_for_what_it_is(tmp_path, make_dicom):
    root = tmp_path / "scans"
    make_dicom(root / "b" / "no_suffix", PIXELS)
    make_dicom(root / "b" / "image.txt", PIXELS)
    make_dicom(root / "a" / "1.dcm", PIXELS)
    make_dicom(root / "a-b" / "1.dcm", PIXELS)
    make_dicom(root / "DICOMDIR", PIXELS)
    (root / "labels.csv").write_text("x")
    (root / ".DS_Store").write_bytes(b"x")
    (root / "text.dcm").write_text("x")
    (root / "photo.jpg").write_text("x")
    (root / "fake.npz").write_text("x")
    np.savez(root / "real.npz", images=np.zeros((1, 2, 2)))
    os.mkfifo(root / "pipe")
    (root / "link.dcm").symlink_to(root / "a" / "1.dcm")
    outside = tmp_path / "outside"
    make_dicom(outside / "2.dcm", PIXELS)
    (root / "linked").symlink_to(outside)
    (root / "loop").symlink_to(root)
    kinds = [(f.locator, f.kind or read_facts(root / f.locator, f.locator)[0].kind) for f in find_files(root)]
    assert kinds == [
        (".DS_Store", Kind.SIDE),
        ("DICOMDIR", Kind.SIDE),
        ("a/1.dcm", Kind.DICOM),
        ("a-b/1.dcm", Kind.DICOM),
        ("b/image.txt", Kind.DICOM),
        ("b/no_suffix", Kind.DICOM),
        ("fake.npz", Kind.UNREADABLE),
        ("labels.csv", Kind.SIDE),
        ("link.dcm", Kind.LINK),
        ("linked", Kind.LINK),
        ("loop", Kind.LINK),
        ("photo.jpg", Kind.UNKNOWN),
        ("pipe", Kind.UNKNOWN),
        ("real.npz", Kind.NPZ),
        ("text.dcm", Kind.NOT_DICOM),
    ]
