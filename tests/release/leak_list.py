"""One leak a rule and a format, and how a bug would plant it: (cohort, what plants it, the check that must find it)."""

import gzip
import io
import json
import struct
import zipfile
import zlib

import pydicom
from pydicom.dataset import Dataset

from medsyngen.formats.nifti_write import gzipped

DCM, SLICE = "dicom/SYN-000002.dcm", "dicom/SYN-000002/0003.dcm"
NII, BIDS = "nifti/SYN-000002.nii.gz", "bids/sub-syn000002/anat/sub-syn000002_T1w"
PNG, NPZ = "png/SYN-000002.png", "npz/cohort.npz"


def dicom(change, file=DCM, kind="all"):
    """A change that pydicom makes: what a bug in a template would write."""

    def plant(folder):
        ds = pydicom.dcmread(folder / file)
        change(ds)
        ds.save_as(folder / file, overwrite=True)

    return kind, plant, "dicom marks"


def says(keyword, value, **more):
    return dicom(lambda ds: setattr(ds, keyword, value), **more)


def raw(file, change, check, kind="all"):
    """A change of bytes."""

    def plant(folder):
        (folder / file).write_bytes(change((folder / file).read_bytes()))

    return kind, plant, check


def nifti(at, text, file=NII):
    """Bytes in the header of a volume."""

    def change(data):
        volume = bytearray(gzip.decompress(data))
        volume[at : at + len(text)] = text
        return gzipped(bytes(volume))

    return raw(file, change, "nifti marks")


def zipped(data, **changes):
    """The archive written again, with something else in it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(info.filename, archive.read(info)) for info in archive.infolist()]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*parts, *changes.get("more", ())]:
            info = zipfile.ZipInfo(name, changes.get("moment", (1980, 1, 1, 0, 0, 0)))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            info.extra, info.comment = changes.get("extra", b""), changes.get("said", b"")
            archive.writestr(info, content)
        archive.comment = changes.get("comment", b"")
    return stream.getvalue()


def json_with(file, check, **keys):
    def change(data):
        content = json.loads(data) | keys
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()

    return raw(file, change, check)


def png_chunk(kind, content):
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return raw(PNG, lambda data: data[:33] + chunk + data[33:], "png marks")


def nested(keyword, value, *within):
    def change(ds):
        for sequence in within:
            ds = ds[sequence].value[0]
        setattr(ds, keyword, value)

    return change


def source_image(ds):
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    ds.SourceImageSequence = [item]


def second_item(ds):
    ds.ContributingEquipmentSequence.append(Dataset())


def labels(data):
    """One label changed, in an archive that is otherwise as ours."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: bytearray(archive.read(info)) for info in archive.infolist()}
    members["train_labels.npy"][-1] ^= 1
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(info, bytes(content))
    return stream.getvalue()


def group_length_meta(data):
    """An element more in the file meta information, its length told rightly."""
    length = int.from_bytes(data[140:144], "little")
    element = b"\x02\x00\x16\x00AE\x08\x00DOEWARD1"
    end = 144 + length
    grown = struct.pack("<I", length + len(element))
    return data[:140] + grown + data[144:end] + element + data[end:]


EQUIPMENT, PURPOSE = "ContributingEquipmentSequence", "PurposeOfReferenceCodeSequence"
LEAKS = {
    # G1: tags, nested ones and file meta information
    "DICOM: foreign element": says("InstitutionName", "St. Elsewhere"),
    "DICOM: private element": dicom(lambda ds: ds.private_block(0x11, "X", create=True).add_new(1, "LO", "X")),
    "DICOM: overlay": dicom(lambda ds: ds.add_new(0x60003000, "OW", b"\0\0")),
    "DICOM: curve": dicom(lambda ds: ds.add_new(0x50000030, "SH", "X")),
    "DICOM: element in a sequence": dicom(nested("InstitutionName", "X", EQUIPMENT)),
    "DICOM: element two sequences deep": dicom(nested("CodingSchemeVersion", "X", EQUIPMENT, PURPOSE)),
    "DICOM: reference to a source image": dicom(source_image),
    "DICOM: second item": dicom(second_item),
    "DICOM: application title in the meta group": raw(DCM, group_length_meta, "dicom marks"),
    "DICOM: trailing padding": dicom(lambda ds: ds.add_new(0xFFFCFFFC, "OB", b"\0\0")),
    "DICOM: another kind's element": says("KVP", "120"),
    "DICOM: an element is missing": dicom(lambda ds: delattr(ds, "IssuerOfPatientID")),
    # G2: values
    "DICOM: date": says("StudyDate", "20240229"),
    "DICOM: birth date": says("PatientBirthDate", "19640229"),
    "DICOM: time of acquisition": says("AcquisitionTime", "101530"),
    "DICOM: name": says("PatientName", "Doe^Jane"),
    "DICOM: comment": says("ImageComments", "synthetic class: normal, like patient 4711"),
    "DICOM: accession number": says("AccessionNumber", "A1"),
    "DICOM: series description": says("SeriesDescription", "SYNTHETIC thorax pa"),
    "DICOM: study description": says("StudyDescription", "SYNTHETIC CT of J. Doe"),
    "DICOM: device": dicom(nested("ManufacturerModelName", "Somatom 4711", EQUIPMENT)),
    "DICOM: contribution": dicom(nested("ContributionDescription", "trained on 4711", EQUIPMENT)),
    "DICOM: sex that nobody asked for": says("PatientSex", "F"),
    "DICOM: window of the picture itself": says("WindowCenter", "1813"),
    "DICOM: place of a real scanner": says("ImagePositionPatient", ["-173.5", "-21.1", "812.25"]),
    "DICOM: place in a slice": says("ImagePositionPatient", ["1", "2", "3"], file=SLICE, kind="series"),
    "DICOM: slice number": says("InstanceNumber", "17", file=SLICE, kind="series"),
    "DICOM: thickness": says("SliceThickness", "0.625", file=SLICE, kind="series"),
    "DICOM: other rescaling": says("RescaleIntercept", "-1024", file=SLICE, kind="series"),
    "DICOM: region of a DX image": dicom(nested("CodeMeaning", "X", "AnatomicRegionSequence"), kind="dx"),
    "DICOM: pages of frames": says("PageNumberVector", ["1", "2", "3", "7"], kind="frames"),
    "DICOM: another padding byte": raw(DCM, lambda d: d.replace(b"(medsyngen) ", b"(medsyngen)\0", 1), "dicom marks"),
    # G4: UIDs
    "DICOM: source UID": says("StudyInstanceUID", "1.2.826.0.1.3680043.8.498.1"),
    "DICOM: UID of no patient, shared": dicom(lambda ds: setattr(ds, "SeriesInstanceUID", ds.StudyInstanceUID)),
    "DICOM: series of its own for a slice": says("SeriesInstanceUID", "2.25.77", file=SLICE, kind="series"),
    "DICOM: study of its own within one": says("StudyInstanceUID", "2.25.77", kind="several"),
    "DICOM: frame of reference of its own": says("FrameOfReferenceUID", "2.25.77", file=SLICE, kind="series"),
    "DICOM: implementation": dicom(lambda ds: setattr(ds.file_meta, "ImplementationVersionName", "OTHER")),
    # G5: marks
    "DICOM: not marked": says("SyntheticData", "NO"),
    "DICOM: mark without meaning": says("SyntheticData", "MAYBE"),
    "DICOM: no equipment": dicom(lambda ds: delattr(ds, EQUIPMENT)),
    "DICOM: original": says("ImageType", ["ORIGINAL", "PRIMARY", "OTHER"]),
    "DICOM: another patient of ours": says("PatientID", "SYN-GGGGGG-000003"),
    # G6: around the elements
    "DICOM: program in the preamble": raw(DCM, lambda data: b"MZ" + data[2:], "dicom marks"),
    "DICOM: bytes behind the pixels": raw(DCM, lambda data: data + b"hidden", "dicom marks"),
    "DICOM: pixels cut off": raw(DCM, lambda data: data[:-2], "dicom marks"),
    "DICOM: levels beyond the bits": raw(DCM, lambda data: data[:-2] + b"\xff\xff", "dicom marks"),
    # G7: containers
    "gzip: file name": raw(NII, lambda d: d[:3] + b"\x08" + d[4:10] + b"SMITH_JOHN.nii\0" + d[10:], "nifti marks"),
    "gzip: time": raw(NII, lambda d: d[:4] + struct.pack("<I", 1_700_000_000) + d[8:], "nifti marks"),
    "gzip: comment": raw(NII, lambda d: d[:3] + b"\x10" + d[4:10] + b"from PACS\0" + d[10:], "nifti marks"),
    "gzip: extra field": raw(NII, lambda d: d[:3] + b"\x04" + d[4:10] + b"\x02\0hi" + d[10:], "nifti marks"),
    "gzip: system": raw(NII, lambda d: d[:9] + b"\x03" + d[10:], "nifti marks"),
    "gzip: second member": raw(NII, lambda d: d + gzip.compress(b"hidden"), "nifti marks"),
    "gzip: damaged": raw(NII, lambda d: d[:-3] + b"\0\0\0", "nifti marks"),
    "NIfTI: data_type": nifti(4, b"DOE JANE"),
    "NIfTI: db_name": nifti(14, b"MRN 4711"),
    "NIfTI: descrip": nifti(148, b"TE=2.1;Time=101530"),
    "NIfTI: behind descrip": nifti(200, b"4711"),
    "NIfTI: aux_file": nifti(228, b"DOE JANE"),
    "NIfTI: intent_name": nifti(328, b"DOE"),
    "NIfTI: extension": nifti(348, b"\x01"),
    "NIfTI: place of a real scanner": nifti(280, struct.pack("<4f", 1, 0, 0, -173.5)),
    "NIfTI: slice times": nifti(132, struct.pack("<f", 2.5)),
    "NIfTI: bytes before the voxels": raw(
        NII, lambda d: gzipped(gzip.decompress(d)[:352] + b"hidden" + gzip.decompress(d)[352:]), "nifti marks"
    ),
    "NIfTI: voxels out of range": raw(NII, lambda d: gzipped(gzip.decompress(d)[:-2] + b"\xff\x7f"), "nifti marks"),
    "NIfTI: in the BIDS dataset": nifti(228, b"DOE JANE", file=f"{BIDS}.nii.gz"),
    "BIDS: time of acquisition": json_with(f"{BIDS}.json", "bids files", AcquisitionTime="10:15:30"),
    "BIDS: mark": json_with(f"{BIDS}.json", "bids files", SyntheticData=1),
    "BIDS: source": json_with("bids/dataset_description.json", "bids files", SourceDatasets=[{"URL": "file:///x"}]),
    "BIDS: author": json_with("bids/dataset_description.json", "bids files", Authors=["J. Doe"]),
    "BIDS: participant": raw("bids/participants.tsv", lambda d: d.replace(b"2\tsynthetic", b"2\tage 64"), "bids files"),
    "BIDS: README": raw("bids/README.md", lambda d: d + b"from ward 7\n", "bids files"),
    "PNG: time": png_chunk(b"tIME", struct.pack(">H5B", 2024, 2, 29, 10, 15, 30)),
    "PNG: Exif": png_chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "PNG: text": png_chunk(b"tEXt", b"Author\0J. Doe"),
    "PNG: XMP": raw(PNG, lambda d: d.replace(b"trainedAlgorithmicMedia", b"digitalCapture_________"), "png marks"),
    "PNG: resolution": png_chunk(b"pHYs", struct.pack(">2IB", 7000, 7000, 1)),
    "PNG: behind its end": raw(PNG, lambda d: d + b"hidden", "png marks"),
    "PNG: not marked": raw(PNG, lambda d: d.replace(b"Synthetic\0YES", b"Synthetic\0NO "), "png marks"),
    "npz: another array": raw(NPZ, lambda d: zipped(d, more=[("ids.npy", b"4711")]), "npz members"),
    "npz: time": raw(NPZ, lambda d: zipped(d, moment=(2024, 2, 29, 10, 15, 30)), "npz members"),
    "npz: comment": raw(NPZ, lambda d: zipped(d, comment=b"ward 7"), "npz members"),
    "npz: comment of a member": raw(NPZ, lambda d: zipped(d, said=b"ward 7"), "npz members"),
    "npz: extra field": raw(NPZ, lambda d: zipped(d, extra=b"\x99\x99\x02\0hi"), "npz members"),
    "npz: before the archive": raw(NPZ, lambda d: b"hidden" + d, "npz members"),
    "npz: behind the archive": raw(NPZ, lambda d: d + b"hidden", "npz members"),
    "npz: a label": raw(NPZ, labels, "npz members"),
    "Croissant: key": json_with("croissant.json", "croissant", creator="J. Doe"),
    "Croissant: text": json_with("croissant.json", "croissant", name="cohort of ward 7"),
    "Croissant: date": json_with("croissant.json", "croissant", datePublished="2024-02-29"),
    "Croissant: a key twice": raw(
        "croissant.json", lambda d: d.replace(b'{\n "@context"', b'{\n "name": "J. Doe",\n "@context"', 1), "croissant"
    ),
    "Croissant: in the context": json_with("croissant.json", "croissant", **{"@context": {"ward": "J. Doe"}}),
    "Croissant: space for more": raw("croissant.json", lambda d: d.replace(b"\n", b" \n", 1), "croissant"),
    "table: another column": raw("cohort.csv", lambda d: d.replace(b",class\n", b",class,ward\n"), "table"),
    "table: a value": raw("cohort.csv", lambda d: d.replace(b",opacity\n", b",opacity of J. Doe\n", 1), "table"),
    "table: hash": raw("cohort.csv", lambda d: d.replace(b",opacity\n", b",normal\n", 1), "croissant"),
    "README": raw("README.md", lambda d: d + b"Thanks to ward 7.\n", "readme"),
    # G8: names and folders
    "file more": ("all", lambda folder: (folder / "bids" / "sub-syn000002" / "notes.tsv").write_bytes(b""), "files"),
    "folder more": ("all", lambda folder: (folder / "bids" / "sourcedata").mkdir(), "files"),
    "slice more": ("series", lambda folder: (folder / "dicom" / "SYN-000002" / "0009.dcm").write_bytes(b""), "files"),
    "slice less": ("series", lambda folder: (folder / SLICE).unlink(), "files"),
    "acquisition times": ("all", lambda folder: (folder / f"{BIDS}_scans.tsv").write_bytes(b"acq_time\n"), "files"),
}  # fmt: skip
