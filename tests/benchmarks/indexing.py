"""How fast are headers read, and does memory stay modest?

    python -m tests.benchmarks.indexing [--files 20000] [--memory 1000 100000] [--out docs/benchmarks/indexing.json]

Generated DICOM files of about 60 elements and 16 x 16 pixels, 10 a series and patient, in a temporary folder. Each
figure comes from a process of its own. ``files_a_cpu_second`` counts the processor time of all processes: on a busy
machine wall time tells of the others. ``identifiers`` compares what is read: every text of a header (as is done),
or the elements alone that the index itself needs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from medsyngen.cohort.disk_index import DiskIndex
from medsyngen.cohort.fact_reading import read_facts
from medsyngen.cohort.file_facts import to_text
from medsyngen.cohort.header_texts import header_identifiers
from medsyngen.cohort.indexing import index_scans, reading_processes
from medsyngen.cohort.walking import find_files
from medsyngen.formats.dicom import parse_header
from medsyngen.formats.dicom_elements import read_elements

INSTANCE, SERIES, PATIENT = b"1.2.826.0.1.3680043.99.1.1000000", b"1.2.826.0.1.3680043.99.2.1000000", b"PAT-000000"
DEMANDED = 1500


def template() -> bytes:
    """One file, whose UIDs and patient ID are overwritten in place for the others."""
    data = Dataset()
    data.SpecificCharacterSet, data.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", INSTANCE.decode()
    for word in ("Study", "Series", "Acquisition", "Content"):
        setattr(data, f"{word}Date", "19991231")
        setattr(data, f"{word}Time", "101500.123000")
    data.AccessionNumber, data.Modality, data.Manufacturer = "ACC-778899", "CT", "Invented Scanners"
    data.InstitutionName, data.ReferringPhysicianName, data.StationName = "Klinik Nirgends", "Doe^John", "STATION7"
    data.StudyDescription, data.SeriesDescription = "THORAX WITH CONTRAST", "LUNG 1.0"
    data.PatientName, data.PatientID, data.PatientBirthDate = "Fictional^Quintessa", PATIENT.decode(), "19500101"
    data.PatientSex, data.PatientAge, data.BodyPartExamined, data.SliceThickness = "F", "049Y", "CHEST", "1.0"
    data.KVP, data.DeviceSerialNumber, data.SoftwareVersions, data.ProtocolName = "120", "SN12345678", "v1.2", "Thorax"
    data.PatientPosition, data.StudyInstanceUID, data.SeriesInstanceUID = "HFS", "1.2.826.3.7", SERIES.decode()
    data.StudyID, data.SeriesNumber, data.AcquisitionNumber, data.InstanceNumber = "77", 2, 1, 5
    data.ImagePositionPatient, data.ImageOrientationPatient = [-150.0, -150.0, 40.5], [1, 0, 0, 0, 1, 0]
    data.FrameOfReferenceUID, data.SliceLocation = "1.2.826.3.8", "40.5"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.3.9"
    data.ReferencedImageSequence = [reference]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.Rows, data.Columns = 1, "MONOCHROME2", 16, 16
    data.PixelSpacing, data.BitsAllocated, data.BitsStored, data.HighBit = [0.7, 0.7], 16, 12, 11
    data.PixelRepresentation, data.WindowCenter, data.WindowWidth = 0, "40", "400"
    data.RescaleIntercept, data.RescaleSlope = "-1024", "1"
    block = data.private_block(0x0099, "Vendor Block", create=True)
    block.add_new(1, "LO", "Private note")
    block.add_new(2, "UN", b"Raw private text")
    data.PixelData = np.arange(256, dtype=np.uint16).tobytes()
    data["PixelData"].VR = "OW"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def generate(folder: Path, files: int) -> None:
    pattern = template()
    for number in range(files):
        where = folder / f"p{number // 1000:03d}" / f"s{number // 10:05d}"
        if number % 10 == 0:
            where.mkdir(parents=True)
        (where / f"IM{number:06d}").write_bytes(filled(pattern, number))


def cpu_seconds() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in spent)


def filled(pattern: bytes, number: int) -> bytes:
    content = pattern.replace(INSTANCE, INSTANCE[:-6] + b"%06d" % number)
    content = content.replace(SERIES, SERIES[:-6] + b"%06d" % (number // 10))
    return content.replace(PATIENT, b"PAT-%06d" % (number // 10))


def peak_kib() -> int:
    """Most memory that this program has had; unlike ``ru_maxrss`` nothing of the process that started it."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0])


def one(scans: Path, kept: Path) -> dict[str, Any]:
    """Indexes, in this process, and tells what it took."""
    before, already = peak_kib(), cpu_seconds()
    start = time.perf_counter()
    index = index_scans(scans, kept=kept)
    wall = time.perf_counter() - start
    cpu, peak = cpu_seconds() - already, peak_kib()
    return {
        "files": index.files,
        "read": index.read_now,
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "files_a_wall_second": round(index.files / wall),
        "files_a_cpu_second": round(index.files / cpu),
        "peak_mib": round(peak / 1024, 1),
        "grown_mib": round((peak - before) / 1024, 1),
        "bytes_a_file": round(1024 * (peak - before) / index.files),
    }


def alone(scans: Path, kept: Path) -> dict[str, Any]:
    words = (sys.executable, "-m", "tests.benchmarks.indexing", "--one", str(scans), str(kept))
    return dict(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


def measured(files: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        scans, kept = Path(name) / "scans", Path(name) / "index.sqlite"
        generate(scans, files)
        time.sleep(2.1)  # files that changed just now are not kept, because they may change again unseen
        said = {"first": alone(scans, kept), "again": alone(scans, kept)}
        said["index_bytes_a_file"] = round(kept.stat().st_size / files)
        for path in (scans / "p000" / "s00000").iterdir():
            path.write_bytes(path.read_bytes())
        said["again, 10 files written anew"] = alone(scans, kept)
        return said


def memory(files: int) -> dict[str, Any]:
    """The same of files whose facts are all known: what they say takes the memory, not the reading of them."""
    with tempfile.TemporaryDirectory() as name:
        scans, kept = Path(name) / "scans", Path(name) / "index.sqlite"
        generate(scans, files)
        time.sleep(2.1)
        found = list(find_files(scans))
        facts, texts = read_facts(scans / found[0].locator, found[0].locator)
        told = (to_text(facts).encode(), texts.encode())
        with DiskIndex(kept) as index:
            index.keep((file, *(filled(each, n).decode() for each in told)) for n, file in enumerate(found))
        return alone(scans, kept)


def per_header(count: int = 1000) -> dict[str, Any]:
    """Processor time of one process a header, and of its parts."""
    content = template()
    needed = ["PatientID", "SOPInstanceUID", "Modality", "Rows", "Columns", "BitsStored", "PixelSpacing"]

    def whole() -> None:
        dataset, remaining = read_elements(io.BytesIO(content))
        header_identifiers(dataset)
        parse_header(dataset, remaining)

    def few() -> None:
        pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=needed)

    parts = {
        "all elements, identifiers, header": whole,
        "all elements": lambda: read_elements(io.BytesIO(content)),
        "pydicom, all elements": lambda: pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True),
        "pydicom, specific_tags": few,
    }
    said = {}
    for name, part in parts.items():
        start = time.process_time()
        for _ in range(count):
            part()
        said[name] = round(count / (time.process_time() - start))
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/indexing.json"))
    parser.add_argument("--one", nargs=2, type=Path)
    options = parser.parse_args()
    if options.one:
        sys.stdout.write(json.dumps(one(*options.one)))
        return
    from tests.benchmarks.prove import machine  # loads torch, which no process that is measured should

    said: dict[str, Any] = {
        "processes": reading_processes(),
        "load_at_the_start": round(os.getloadavg()[0], 1),
        "demanded_files_a_second_a_core": DEMANDED,
        "headers_a_cpu_second": per_header(),
        "machine": machine(),
        "memory of files whose facts are known": {},
    }
    said["files"] = measured(options.files)
    options.out.write_text(json.dumps(said, indent=1) + "\n")
    for count in options.memory:
        said["memory of files whose facts are known"][str(count)] = memory(count)
        options.out.write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
