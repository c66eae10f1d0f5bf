"""What test_orthanc.py runs in a network that has a loopback and nothing else: a real PACS, there and back."""

import email
import fcntl
import json
import shutil
import socket
import struct
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path

import numpy as np
import pydicom
import pytest
from cohorts import KINDS, made
from PIL import Image

DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
DCMTK = Path("/usr/bin/storescu")  # another package puts a program of this name first in the path
STORED = ("radiographs", "digital radiographs", "volumes of CT", "captures", "frames", "frames of bytes")
SOPS = "application/dicom"


_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


def loopback_up():
    """Brings up the loopback of a new network, and sees that there is no other interface."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"], "not in a network of its own"
    with socket.socket() as sock:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(sock, _GET_FLAGS, asked), 16)
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Pacs:
    """A running archive."""

    def __init__(self, folder):
        self.http, self.dicom = free_port(), free_port()
        settings = {
            "Name": "TEST", "StorageDirectory": str(folder), "IndexDirectory": str(folder), "HttpPort": self.http,
            "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomAet": "TEST", "DicomPort": self.dicom,
            "DicomCheckCalledAet": False, "DicomAlwaysAllowStore": True, "DicomServerEnabled": True,
            "Plugins": [str(DICOMWEB)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }  # fmt: skip
        (folder / "settings.json").write_text(json.dumps(settings))
        command = ["Orthanc", str(folder / "settings.json")]
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)

    def wait(self):
        for _ in range(300):
            try:
                return self.get("/system")
            except OSError:
                assert self.process.poll() is None, "the archive ended at its start"
                time.sleep(0.1)
        pytest.fail("the archive did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self._log.close()

    def ask(self, path, data=None, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read(), answer.headers

    def get(self, path):
        return json.loads(self.ask(path)[0])


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    loopback_up()
    archive = Pacs(tmp_path_factory.mktemp("pacs"))
    try:
        archive.wait()
        yield archive
    finally:
        archive.stop()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Files of every kind by their instance UID."""
    folder = tmp_path_factory.mktemp("written")
    found = {}
    for number, kind in enumerate(STORED):
        shape, formats, form = KINDS[kind]
        draft = made(folder / str(number), shape, tuple(f for f in formats if f == "dicom"), form)
        for path in sorted(draft.folder.rglob("*.dcm"))[:6]:
            found[str(pydicom.dcmread(path).SOPInstanceUID)] = path
    return found


def test_store_query_and_retrieve(pacs, written, tmp_path):
    sent = tmp_path / "sent"
    sent.mkdir()
    for number, path in enumerate(written.values()):
        shutil.copy(path, sent / f"{number}.dcm")
    by_store = sorted(sent.iterdir())[::2]
    command = [DCMTK, "-aec", "TEST", "127.0.0.1", str(pacs.dicom), *by_store]
    subprocess.run(command, check=True, capture_output=True)
    stow(pacs, sorted(sent.iterdir())[1::2])

    studies = json.loads(pacs.ask("/dicom-web/studies", Accept="application/dicom+json")[0])
    told = {study["0020000D"]["Value"][0]: study["00100020"]["Value"][0] for study in studies}
    datasets = {uid: pydicom.dcmread(path) for uid, path in written.items()}
    assert told == {str(ds.StudyInstanceUID): ds.PatientID for ds in datasets.values()}
    assert all(patient.startswith("SYN-") for patient in told.values())

    for uid, ds in datasets.items():
        path = f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{uid}"
        got = retrieved(*pacs.ask(path, Accept=f'multipart/related; type="{SOPS}"; transfer-syntax=*'), tmp_path)
        assert (got.pixel_array == ds.pixel_array).all()
        assert (got.SyntheticData, got.StudyDescription, got.SeriesDescription) == (
            "YES", ds.StudyDescription, ds.SeriesDescription
        )  # fmt: skip
        assert "SYNTHETIC" in got.SeriesDescription
        equipment = got.ContributingEquipmentSequence[0]
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109100"
        assert got == ds


def stow(pacs, paths):
    border = uuid.uuid4().hex
    parts = [f"--{border}\r\nContent-Type: {SOPS}\r\n\r\n".encode() + path.read_bytes() + b"\r\n" for path in paths]
    kind = f'multipart/related; type="{SOPS}"; boundary={border}'
    answer, _ = pacs.ask(
        "/dicom-web/studies",
        b"".join(parts) + f"--{border}--".encode(),
        **{"Content-Type": kind, "Accept": "application/dicom+json"},
    )
    content = json.loads(answer)
    assert len(content["00081199"]["Value"]) == len(paths)
    assert not content.get("00081198", {}).get("Value"), "instances that it would not take"


def retrieved(body, headers, folder):
    message = email.message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    (part,) = message.get_payload()
    path = folder / "got.dcm"
    path.write_bytes(part.get_payload(decode=True))
    return pydicom.dcmread(path)


def test_its_preview_shows_what_was_drawn(pacs, written, tmp_path):
    for uid, path in written.items():
        ds = pydicom.dcmread(path)
        if ds.Modality not in ("CR", "CT"):
            continue
        pacs.ask("/instances", path.read_bytes())
        (found,) = json.loads(
            pacs.ask("/tools/find", json.dumps({"Level": "Instance", "Query": {"SOPInstanceUID": uid}}).encode())[0]
        )
        (tmp_path / "p.png").write_bytes(pacs.ask(f"/instances/{found}/preview", Accept="image/png")[0])
        seen = np.asarray(Image.open(tmp_path / "p.png"), dtype=float)
        assert seen.shape == ds.pixel_array.shape
        assert np.corrcoef(seen.ravel(), ds.pixel_array.ravel())[0, 1] > 0.99
