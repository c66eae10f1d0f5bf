"""A cohort for the other processes of a job: rank 0 reads the scans, the others get the records from it.

One reader, because then no two ranks can differ in what they read, everything that can be refused is refused in one
place, and the other machines need no access to the scans.
"""

from __future__ import annotations

import json

import numpy as np

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.parallel import Ranks
from medsyngen.scan import PatientKey


def send_cohort(ranks: Ranks, cohort: Cohort) -> None:
    """Sends every record to every other rank, patient by patient; does nothing when alone."""
    for rank in ranks.others:
        send_records(ranks, rank, cohort)


def send_records(ranks: Ranks, rank: int, cohort: Cohort) -> None:
    """Sends records, patient by patient, to one rank, which is in :func:`receive_cohort`."""
    ranks.send(rank, len(cohort).to_bytes(8, "little"))
    for patient, record in cohort.items():
        facts = [patient.patient_id, patient.issuer, record.pixels.shape, record.classes.shape]
        ranks.send(rank, json.dumps(facts).encode(), record.pixels.tobytes(), record.classes.tobytes())


def receive_cohort(ranks: Ranks) -> Cohort:
    """Returns the cohort that rank 0 sent: the same bits in the same order."""
    records = {}
    (count,) = ranks.receive(0)
    for _ in range(int.from_bytes(count, "little")):
        facts, pixels, classes = ranks.receive(0)
        patient_id, issuer, shape, labels = json.loads(facts)
        records[PatientKey(patient_id, issuer)] = PatientRecord(
            np.frombuffer(bytearray(pixels), np.float32).reshape(shape),
            np.frombuffer(bytearray(classes), np.int64).reshape(labels),
        )
    return Cohort(records)
