"""Ways to falsify a released cohort, careless and careful ones (that mend every hash), and what finds each.

Each is ``name: (change, checks that must fail)``; a change gets the cohort's folder.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from tampered_curves import CURVES

from medsyngen.privacy.chain import line_hash

DICOM, OTHER, PNG = "dicom/SYN-000002.dcm", "dicom/SYN-000003.dcm", "png/SYN-000002.png"
JSON, HTML = "privacy_report.json", "privacy_report.html"


def seal(cohort: Path) -> None:
    """Makes the manifest list the files as they are now, as somebody with a text editor would."""
    with_manifest(cohort, lambda manifest: manifest.update(files=listed(cohort)))


def listed(cohort: Path) -> dict:
    files = sorted(path for path in cohort.rglob("*") if path.is_file() and not path.name.startswith("manifest.json"))
    return {
        path.relative_to(cohort).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in files
    }


def with_manifest(cohort: Path, change) -> None:
    path = cohort / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest, indent=1) + "\n")


def with_report(cohort: Path, change) -> None:
    """Changes the report, mends the hash on its page, and seals."""
    path = cohort / JSON
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report, sort_keys=True, indent=2, ensure_ascii=False) + "\n")
    page = (cohort / HTML).read_text()
    (cohort / HTML).write_text(page.replace(old, hashlib.sha256(path.read_bytes()).hexdigest()))
    seal(cohort)


def with_dicom(cohort: Path, change, file: str = DICOM) -> None:
    ds = pydicom.dcmread(cohort / file)
    change(ds)
    ds.save_as(cohort / file, overwrite=True)
    seal(cohort)


def replaced(cohort: Path, file: str, old: str, new: str) -> None:
    text = (cohort / file).read_text()
    assert re.search(old, text), old
    (cohort / file).write_text(re.sub(old, new, text))
    seal(cohort)


def one_bit(file: str):
    def change(cohort: Path) -> None:
        data = bytearray((cohort / file).read_bytes())
        data[-20] ^= 1
        (cohort / file).write_bytes(data)

    return change


def chained(lines: list) -> None:
    """Numbers and chains lines again."""
    previous = "0" * 64
    for number, line in enumerate(lines):
        line.update(n=number, previous=previous)
        line["hash"] = previous = line_hash(line)


def an_event_less(cohort: Path) -> None:
    """The last charge is taken out, and every line, head and hash is mended."""

    def change(report):
        del report["ledger"]["lines"][-1]
        chained(report["ledger"]["lines"])
        report["ledger"]["head"] = report["ledger"]["lines"][-1]["hash"]

    with_report(cohort, change)
    lines = json.loads((cohort / JSON).read_text())["ledger"]["lines"]
    head = {"line": len(lines) - 1, "hash": lines[-1]["hash"]}
    with_manifest(cohort, lambda manifest: manifest.update(ledger_head=head))


def more_noise_said(cohort: Path) -> None:
    """Every charge says that it had twice the noise, chained anew with its plan."""

    def change(report):
        for line in report["ledger"]["lines"]:
            for event in (line.get("event"), line.get("plan")):
                if event and event["type"] == "self_composed":
                    event["event"]["event"]["noise_multiplier"] *= 2
        chained(report["ledger"]["lines"])
        report["ledger"]["head"] = report["ledger"]["lines"][-1]["hash"]

    with_report(cohort, change)
    head = json.loads((cohort / JSON).read_text())["ledger"]["head"]
    with_manifest(cohort, lambda manifest: manifest["ledger_head"].update(hash=head))


def smaller_epsilon_everywhere(cohort: Path) -> None:
    """ε is made a tenth in report, page, manifest, README and images."""
    told = json.loads((cohort / JSON).read_text())["guarantee"]["epsilon"]
    small = told / 10
    with_report(cohort, lambda report: report["guarantee"].update(epsilon=small))
    replaced(cohort, HTML, r"<i>ε</i> = [0-9.]+", f"<i>ε</i> = {np.ceil(small * 100) / 100:.2f}")
    words = f"ε = {np.ceil(small * 1000) / 1000:.3g}"
    replaced(cohort, "README.md", r"ε = [0-9.]+", words)
    for path in sorted((cohort / "dicom").iterdir()):
        ds = pydicom.dcmread(path)
        item = ds.ContributingEquipmentSequence[0]
        item.ContributionDescription = re.sub(r"ε = [0-9.]+", words, item.ContributionDescription)
        ds.save_as(path, overwrite=True)
    with_manifest(cohort, lambda manifest: manifest["guarantee"].update(epsilon=small))
    seal(cohort)


def other_delta(cohort: Path) -> None:
    with_report(cohort, lambda report: report["guarantee"].update(delta=1e-7))
    with_manifest(cohort, lambda manifest: manifest["guarantee"].update(delta=1e-7))


def swapped_names(cohort: Path) -> None:
    (cohort / DICOM).rename(cohort / "spare")
    (cohort / OTHER).rename(cohort / DICOM)
    (cohort / "spare").rename(cohort / OTHER)
    seal(cohort)


def unmarked_png(cohort: Path) -> None:
    data = (cohort / PNG).read_bytes()
    at = data.index(b"tEXt") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    (cohort / PNG).write_bytes(data[:at] + data[at + 12 + length :])
    seal(cohort)


def other_words_in_png(cohort: Path) -> None:
    data = (cohort / PNG).read_bytes()
    old, new = b"tEXtSynthetic\0YES", b"tEXtSynthetic\0NO!"
    new_chunk = new + struct.pack(">I", zlib.crc32(new))
    (cohort / PNG).write_bytes(data.replace(old + struct.pack(">I", zlib.crc32(old)), new_chunk))
    seal(cohort)


def unmarked_nifti(cohort: Path) -> None:
    """A volume under a name that tells nothing."""
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    (cohort / "extra.bin").write_bytes(gzip.compress(image.to_bytes()))
    seal(cohort)


def page_of_another_report(cohort: Path) -> None:
    digest = hashlib.sha256((cohort / JSON).read_bytes()).hexdigest()
    replaced(cohort, HTML, digest, "0" * 64)


def no_charge_but_scans(cohort: Path) -> None:
    with_manifest(cohort, lambda manifest: manifest["guarantee"].update(scans_read=False))


def a_name_twice(cohort: Path) -> None:
    path = cohort / "manifest.json"
    path.write_text(path.read_text().replace('"synthetic": true', '"synthetic": true, "synthetic": true', 1))


def beyond_the_plan(cohort: Path) -> None:
    def change(report):
        plan = next(x for x in report["ledger"]["lines"] if x["kind"] == "reserve" and x["run"].startswith("0123"))
        plan["plan"]["count"] -= 1
        chained(report["ledger"]["lines"])
        report["ledger"]["head"] = report["ledger"]["lines"][-1]["hash"]

    with_report(cohort, change)
    head = json.loads((cohort / JSON).read_text())["ledger"]["head"]
    with_manifest(cohort, lambda manifest: manifest["ledger_head"].update(hash=head))


def other_curve(change, cohort: Path) -> None:
    with_report(cohort, lambda report: change(report["curves"]))


DECIDED = {"title": "Decision, in words", "from": "hospital", "value": "Approved."}

SIGNED = {"signature"}
"""What fails whenever the manifest is not the one that was signed."""

TAMPERINGS = {
    "a bit of an image": (one_bit(DICOM), {"files"}),
    "a bit of a PNG file": (one_bit(PNG), {"files", "marks"}),
    "a file is missing": (lambda c: (c / PNG).unlink(), {"files", "table"}),
    "an extra file": (lambda c: (c / "notes.txt").write_text("x"), {"files"}),
    "a hidden file": (lambda c: (c / "dicom" / ".DS_Store").write_text("x"), {"files"}),
    "a link": (lambda c: (c / "dicom" / "more.dcm").symlink_to(c / DICOM), {"files"}),
    "an empty folder": (lambda c: (c / "nifti").mkdir(), {"files"}),
    "a verdict in the manifest": (lambda c: with_manifest(c, lambda m: m["gate"].pop()), SIGNED),
    "a verdict of our own not run": (
        lambda c: with_manifest(c, lambda m: m["gate"][0].update(verdict="not run")),
        {"manifest"},
    ),
    "a field more in the manifest": (lambda c: with_manifest(c, lambda m: m.update(more=1)), {"manifest"}),
    "a name twice in the manifest": (a_name_twice, {"manifest"}),
    "no signature": (lambda c: (c / "manifest.json.sig").unlink(), SIGNED),
    "an image without its mark": (
        lambda c: with_dicom(c, lambda ds: ds.__delattr__("SyntheticData")),
        SIGNED | {"marks"},
    ),
    "an image marked NO": (lambda c: with_dicom(c, lambda ds: setattr(ds, "SyntheticData", "NO")), SIGNED | {"marks"}),
    "an image without equipment": (
        lambda c: with_dicom(c, lambda ds: ds.__delattr__("ContributingEquipmentSequence")),
        SIGNED | {"marks"},
    ),
    "a PNG file without its mark": (unmarked_png, SIGNED | {"marks"}),
    "a PNG file marked otherwise": (other_words_in_png, SIGNED | {"marks"}),
    "a volume without its mark": (unmarked_nifti, SIGNED | {"marks"}),
    "swapped names": (swapped_names, SIGNED | {"table"}),
    "a row of the table less": (lambda c: replaced(c, "cohort.csv", r"\n[^\n]+\n$", "\n"), SIGNED | {"table"}),
    "another ε in the report": (
        lambda c: with_report(c, lambda r: r["guarantee"].update(epsilon=0.5)),
        SIGNED | {"report", "ε", "curves", "page", "sentences"},
    ),
    "another ε everywhere": (smaller_epsilon_everywhere, SIGNED | {"ε", "curves", "sentences"}),
    "another ε on the page": (lambda c: replaced(c, HTML, "<i>ε</i> = ", "<i>ε</i> = 0"), SIGNED | {"page"}),
    "another ε in the README": (lambda c: replaced(c, "README.md", "ε = ", "ε = 0."), SIGNED | {"README"}),
    "another δ": (other_delta, SIGNED | {"ledger", "ε", "curves", "README", "marks", "sentences"}),
    "a line of the ledger less": (
        lambda c: with_report(c, lambda r: r["ledger"]["lines"].pop(2)),
        SIGNED | {"ledger", "sentences"},
    ),
    "an event less, all mended": (an_event_less, SIGNED | {"ε", "curves", "sentences"}),
    "more noise said than planned at first": (more_noise_said, SIGNED | {"ε", "curves", "sentences"}),
    "charged beyond the plan": (beyond_the_plan, SIGNED | {"ledger", "sentences"}),
    "another head in the manifest": (
        lambda c: with_manifest(c, lambda m: m["ledger_head"].update(hash="0" * 64)),
        SIGNED | {"ledger"},
    ),
    "another recipe in the report": (
        lambda c: with_report(c, lambda r: r["recipe"].update(name="other")),
        SIGNED | {"report", "sentences"},
    ),
    "less spent by all runs said": (
        lambda c: with_report(c, lambda r: r["ledger"]["total"].update(in_advance=r["guarantee"]["epsilon"])),
        SIGNED | {"ε", "sentences"},
    ),
    **{
        f"curves: {name}": (functools.partial(other_curve, change), SIGNED | {"curves", "sentences"})
        for name, change in CURVES.items()
    },
    "curves: none": (lambda c: with_report(c, lambda r: r.update(curves=None)), SIGNED | {"curves", "sentences"}),
    "a field filled by somebody else": (
        lambda c: with_report(c, lambda r: r["fields"]["N"]["entries"].update(decision=DECIDED)),
        SIGNED | {"sentences"},
    ),
    "a field left out": (
        lambda c: with_report(c, lambda r: r["fields"]["G"]["entries"].pop("known_limits")),
        SIGNED | {"report"},
    ),
    "a field without a reason": (
        lambda c: with_report(c, lambda r: r["fields"]["J"]["entries"]["copies"].update(not_applicable="no")),
        SIGNED | {"report"},
    ),
    "a look less said": (
        lambda c: with_report(c, lambda r: r["ledger"].update(looks=0)),
        SIGNED | {"ledger", "sentences"},
    ),
    "no scan said to be read": (no_charge_but_scans, SIGNED | {"report", "README", "marks"}),
    "a sentence of the report": (
        lambda c: with_report(c, lambda r: r["sentences"].update(decides="nobody")),
        SIGNED | {"sentences"},
    ),
    "the page of another report": (page_of_another_report, SIGNED | {"page"}),
    "a script on the page": (
        lambda c: replaced(c, HTML, "</main>", "<script>alert(1)</script></main>"),
        SIGNED | {"page"},
    ),
    "a report that is none": (lambda c: ((c / JSON).write_text("{}"), seal(c)), SIGNED | {"report"}),
}
