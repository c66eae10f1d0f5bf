"""The checks of the gate, one line each: a new check, or a check of a new format, is one more line here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from medsyngen.release.bundle_draft import BundleDraft
from medsyngen.release.bundle_texts import bundle_texts
from medsyngen.release.check_bids import BidsCheck
from medsyngen.release.check_bundle import BundleTextCheck
from medsyngen.release.check_croissant import CroissantCheck
from medsyngen.release.check_dicom import DicomCheck
from medsyngen.release.check_identifiers import IdentifierCheck, template_vocabulary
from medsyngen.release.check_nifti import NiftiCheck
from medsyngen.release.check_npz import NpzCheck
from medsyngen.release.check_png import PngCheck
from medsyngen.release.check_readme import ReadmeCheck
from medsyngen.release.check_report import ReportCheck
from medsyngen.release.check_tree import TableCheck
from medsyngen.release.check_weights import WeightsCheck
from medsyngen.release.checks import FileCheck, GuaranteeFacts
from medsyngen.release.draft import Draft


@dataclass(frozen=True)
class Reviewed:
    """What a check may be made from.

    Args:
        draft: What the writer says that it wrote; the bytes are read again, from the folder.
        guarantee: What ledger and generator say.
        identifiers: Every identifier of the source; private. None if there is no list.
        public_texts: Texts that are known without the scans.
    """

    draft: Draft
    guarantee: GuaranteeFacts
    identifiers: frozenset[str] | None = field(repr=False)
    public_texts: tuple[str, ...] = field(repr=False, default=())


CheckMaker = Callable[[Reviewed], FileCheck]


def _table(of: Reviewed) -> FileCheck:
    return TableCheck(of.draft)


def _dicom(of: Reviewed) -> FileCheck:
    return DicomCheck(of.draft)


def _nifti(of: Reviewed) -> FileCheck:
    return NiftiCheck(of.draft)


def _bids(of: Reviewed) -> FileCheck:
    return BidsCheck(of.draft)


def _png(of: Reviewed) -> FileCheck:
    return PngCheck(of.draft)


def _npz(of: Reviewed) -> FileCheck:
    return NpzCheck(of.draft)


def _croissant(of: Reviewed) -> FileCheck:
    return CroissantCheck(of.draft)


def _readme(of: Reviewed) -> FileCheck:
    return ReadmeCheck(of.draft)


def _report(of: Reviewed) -> FileCheck:
    return ReportCheck()


def _identifiers(of: Reviewed) -> FileCheck:
    vocabulary = template_vocabulary(
        of.draft.form, of.draft.formats, of.draft.attributes, volumes=len(of.draft.shape) == 3, labels=of.draft.labels
    )
    public: Iterable[bytes] = [*vocabulary, *(text.encode() for text in of.public_texts)]
    source = of.guarantee.scans_read is not False
    return IdentifierCheck(of.identifiers, public=public, count=of.draft.count, source=source)


def bundle_checks(
    draft: BundleDraft, guarantee: GuaranteeFacts, identifiers: frozenset[str] | None, public_texts: Sequence[str]
) -> list[FileCheck]:
    """Returns the checks of a bundle, in the order of the verdicts."""
    # Its own texts were made from the recipe and the privacy sentence, and are compared with them to the letter.
    texts = bundle_texts(dataclasses.replace(draft.facts, licence="", guarantee=""))
    public = [*texts.values(), *(text.encode() for text in public_texts)]
    source = guarantee.scans_read is not False
    return [
        BundleTextCheck(draft),
        WeightsCheck(draft),
        ReportCheck(),
        IdentifierCheck(identifiers, public=public, count=0, source=source),
    ]


FILE_CHECKS: Final[tuple[CheckMaker, ...]] = (
    _table,
    _dicom,
    _nifti,
    _bids,
    _png,
    _npz,
    _croissant,
    _readme,
    _report,
    _identifiers,
)
"""Each makes one check for one review, in the order of the verdicts. Every check sees every file."""
