"""Why a file is refused: a fixed list of reasons, each with what it means and what mends it.

The texts are constants of the program, plus at most a word from a public list (the name of a transfer syntax, a
modality code): nothing that a file says about a patient can reach a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from medsyngen.errors import InputUnusable

_WHOLE = "check that the file was copied whole, or take it out of the folder"
_TAKE_OUT = "take it out of the folder"
_SPLIT = "split the series by orientation and size, or take out what does not belong"
_EXPORT = "export the series whole, or take it out"
_CONVERT = "convert it to an uncompressed transfer syntax (for instance with gdcmconv --raw), or take it out"

REASONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "unreadable": ("the file can't be opened or parsed", _WHOLE),
        "link": ("a link, not a file: links are never followed", "put the file itself into the folder"),
        "not-dicom": (
            "named like DICOM, but without the mark DICM at byte 128",
            _TAKE_OUT + ", or convert it to DICOM",
        ),
        "polyglot": (
            "an image that is a program at the same time: its preamble begins like one (CVE-2019-11687)",
            "find out where it comes from; do not run it; clear its first 128 bytes, or take it out",
        ),
        "unknown-format": ("neither DICOM nor .npz, nor a known side file", _TAKE_OUT),
        "transfer-syntax": ("no decoder here for the transfer syntax", _CONVERT),
        "codec": (
            "a transfer syntax whose decoder is not installed",
            "install it with `pip install 'medsyngen[codecs]'`, or convert it to an uncompressed transfer syntax",
        ),
        "derived": ("made from scans, not a scan", _TAKE_OUT),
        "mosaic": (
            "slices tiled in one picture (a Siemens mosaic)",
            "convert it to one file a slice or to NIfTI (for instance with dcm2niix)",
        ),
        "not-an-image": ("DICOM without an image", _TAKE_OUT),
        "coloured": ("colours that this reader can't turn into grey", "take it out, or convert it to grey levels"),
        "multi-frame": (
            "frames that are no slices of a volume",
            "split it into single frames, or take it out",
        ),
        "too-large": ("larger than this reader allows", "take it out, or make it smaller"),
        "bit-depth": ("pixels that are not integers of at most 16 bits", "take it out, or convert it"),
        "truncated": ("the pixel data end too early", _WHOLE),
        "undecodable": ("the pixel data can't be decoded", _WHOLE),
        "rescale": ("a rescale slope or intercept that is not a usable number", "mend the header, or take it out"),
        "non-finite": ("pixels that are not finite numbers", "mend the pixels, or take it out"),
        "flat": ("no contrast between its 1st and 99th percentile", "take it out, or set another window"),
        "no-bit-depth": (
            "pixels without a bit depth, but the window is `bit-depth`",
            "set `window` in the recipe to `per-scan` or to two numbers",
        ),
        "modality": ("a modality that the recipe doesn't ask for", "take it out, or add the modality to the recipe"),
        "no-patient-id": ("no patient ID", "say whose it is with --patient-map"),
        "not-in-map": ("not named in the patient map", "add it to the patient map, or take it out"),
        "duplicate": ("the same image (SOP Instance UID) is there twice for this patient", "take one of them out"),
        "volume": (
            "a volume, but the recipe does not say which of its slices to take",
            "set `scans.slices` in the recipe",
        ),
        "not-a-volume": (
            "a single picture, but the recipe takes whole volumes",
            "take it out, or take a recipe for pictures",
        ),
        "no-label-map": (
            "a volume without the label map that the recipe asks for",
            "add its map where `scans.label_maps` says, or take the volume out",
        ),
        "label-map-alone": (
            "a label map whose volume is not there, or can't be used",
            "add its volume, or take it out",
        ),
        "label-map-twice": ("a label map that belongs to two volumes", "give each volume a map of its own"),
        "label-map-owner": (
            "a label map that another patient is named for than for its volume",
            "correct the patient map or the label file",
        ),
        "label-map-place": (
            "a label map of other voxels than its volume: another size, orientation or place",
            "draw it on the very grid of its volume, or take both out",
        ),
        "label-map-values": (
            "a label map with values that the recipe does not know",
            "correct `scans.label_maps.values`, which counts them from 0, or the map",
        ),
        "localizer": ("a localizer (scout), not the examination", _TAKE_OUT),
        "no-geometry": (
            "no usable word on where its voxels lie in the patient",
            "export it again with its geometry, or take it out",
        ),
        "too-few-slices": (
            "a series of fewer slices than tell whether one is missing",
            "export the series whole, or take it out",
        ),
        "mixed-sizes": ("slices of several sizes or spacings in one series", _SPLIT),
        "mixed-orientation": ("slices of several orientations in one series", _SPLIT),
        "four-dimensional": (
            "several volumes in one: times, echoes, directions or phases",
            "take one volume out of it, as a series or file of its own",
        ),
        "duplicate-positions": ("two slices of one series at one place", "take one of the two out"),
        "missing-slices": ("slices are missing from the series: a gap is a multiple of the others", _EXPORT),
        "uneven-slices": ("the slices of the series are not evenly spaced", "resample it, or take it out"),
        "gantry-tilt": (
            "slices that are shifted against each other, as by a tilted gantry",
            "correct the tilt (for instance with dcm2niix), or take it out",
        ),
        "forms-disagree": (
            "its qform and its sform name different directions or voxel sizes",
            "make them agree, or clear the wrong one (code 0)",
        ),
        "singular-affine": (
            "an affine that is no invertible map into space",
            "mend its sform or qform, or take it out",
        ),
        "not-nifti": ("named like NIfTI, but without its mark", _TAKE_OUT + ", or convert it to NIfTI"),
        "reader-died": (
            "reading it ended the process that read it, as a forged or broken file can",
            "take it out of the folder, or write it anew with the software that it came from",
        ),
        "too-slow": (
            "reading it took longer than an image of its size may take",
            "check that the disk answers and that the file was copied whole, or take it out",
        ),
        "archive-name": (
            "a name in an archive that leads out of it, is there twice, or reads like another file's",
            "unpack the archive yourself and give the folder",
        ),
        "archive-encrypted": ("encrypted in its archive", "unpack it yourself and give the folder"),
        "archive-method": (
            "packed in its archive by another method than deflate",
            "unpack the archive yourself and give the folder",
        ),
        "archive-nested": ("an archive within an archive", "unpack the inner one beside the outer one"),
        "npz-layout": (
            "an .npz whose arrays don't fit together",
            "store `images` (n, rows, columns), and `label` and `patient_id` (n) beside it, or the MedMNIST layout",
        ),
    }
)


class ScanRefused(InputUnusable):
    """One file, or one image of it, can't be used.

    Args:
        reason: A key of :data:`REASONS`.
        detail: A further public word or number, never a value that could describe a patient.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        explanation, do = REASONS[reason]
        super().__init__(f"{explanation} ({detail})" if detail else explanation, do=do)
        self.reason = reason
        self.detail = detail
