"""A small draft, the gate's facts, a review of both, and ways to spoil it."""

import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from released import sound_report

from medsyngen.errors import ReleaseRefused
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import Draft, write_draft
from medsyngen.release.export import drafting
from medsyngen.release.form import ReleaseForm
from medsyngen.release.gate import ReleaseGate
from medsyngen.synthesis.synthesizer import Draws

sys.path.insert(0, str(Path(__file__).parent))  # helpers beside the tests: cohorts.py

UID = "1.2.840.113619.2.55.3.2831164355.781"
IDENTIFIERS = frozenset({"Doe^Müller", "00123456", "PAT-77-XQ", UID, "SYNTHETIC", "20250101", "O'Brien"})


@dataclass
class DraftCase:
    """A draft of three pictures; picture 2 is the one that tests spoil."""

    draft: Draft
    destination: Path
    uid = UID
    dicom = "dicom/SYN-000002.dcm"
    png = "png/SYN-000002.png"

    @property
    def folder(self):
        return self.draft.folder

    def review(self, *, identifiers=IDENTIFIERS, public=(), draft=None, **changes):
        facts = {"epsilon": 7.9, "delta": 1e-6, "unit": "patient", "seeded": False, "not_private": False}
        return ReleaseGate(epsilon_budget=8.0, delta=1e-5).review(
            draft or self.draft,
            guarantee=GuaranteeFacts(**(facts | changes)),
            identifiers=identifiers,
            public_texts=public,
        )

    def refusal(self, **changes):
        """The refusal, which must repeat no identifier and no path."""
        with pytest.raises(ReleaseRefused) as caught:
            self.review(**changes)
        error = caught.value
        said = "\n".join((error.what, error.do, *error.details)).lower()
        assert not [secret for secret in ("doe", "00123456", "pat-77-xq", UID, "brien") if secret in said]
        assert str(self.folder) not in said
        return error

    def change_dicom(self, change):
        ds = pydicom.dcmread(self.folder / self.dicom)
        change(ds)
        ds.save_as(self.folder / self.dicom, overwrite=True)

    def append(self, file, data):
        with (self.folder / file).open("ab") as stream:
            stream.write(data)

    @staticmethod
    def with_chunk(png, kind, content):
        """The bytes of a PNG file with one more chunk before its end."""
        chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        return png[:-12] + chunk + png[-12:]

    def add_chunk(self, kind, content):
        path = self.folder / self.png
        path.write_bytes(self.with_chunk(path.read_bytes(), kind, content))


@pytest.fixture
def cohort(tmp_path):
    """A draft that would pass, in its hidden folder."""
    destination = tmp_path / "out" / "cohort"
    pixels = np.random.default_rng(1).uniform(-1, 1, (3, 1, 5, 5)).astype(np.float32)
    draws = Draws(pixels, ("normal", "", "abnormal"))
    with drafting(destination) as folder:
        draft = write_draft(draws, ReleaseForm(), guarantee="ε = 7.9", report_files=sound_report(), folder=folder)
        yield DraftCase(draft, destination)
