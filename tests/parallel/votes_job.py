"""Rounds of votes in the processes of a job; rank 0 writes down what it released. Run by torchrun: FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "privacy"))

from elections import Recorder, ledger_in

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.parallel import RankEnded, Ranks, joined
from medsyngen.randomness import Streams, seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis.private_evolution import PrivateEvolution
from medsyngen.synthesis.synthesizer import Target

METHOD = PrivateEvolution(
    source={"kind": "phantom-simulator", "phantom": "dead_leaves"}, iterations=2, degrees=(0.3, 0.1), members=12
)
TARGET = Target(size=16, classes=("a", "b"), shares=(0.5, 0.5))
CPU = torch.device("cpu")


def patients(count: int = 9) -> Cohort:
    """Drawn patients of both classes and of none."""
    pictures = METHOD.images(16).random(count, 0, Streams(3).numpy("patients")).pixels
    return Cohort({PatientKey(f"p{i}"): PatientRecord(pictures[i : i + 1], np.array([i % 3])) for i in range(count)})


def evolved(folder: Path, ranks: Ranks, recorder: Recorder):
    """A whole run of the method with seeded keys; its votes before and after the noise are in the recorder."""
    folder.mkdir(exist_ok=True)
    with ledger_in(folder) as ledger:
        plan = METHOD.plan(patients_at_most=9, noise_multiplier=2.0)
        return METHOD.fit(
            patients(),
            TARGET,
            patients_at_most=9,
            noise_multiplier=2.0,
            account=ledger.begin("run", recipe_sha256="ab" * 32, plan=plan, seeded=True),
            keys=seeded_generator_for_tests(1),
            private_folder=folder,
            device=CPU,
            mechanism=recorder,
            ranks=ranks,
        )


def main() -> None:
    folder = Path(sys.argv[1])
    try:
        with joined() as ranks:
            if ranks.first:
                recorder = Recorder()
                places = evolved(folder, ranks, recorder).tensors()["places"].numpy()
                np.savez(
                    folder / "rank0.npz", sums=np.stack(recorder.sums), noised=np.stack(recorder.noised), places=places
                )
            else:
                METHOD.serve(TARGET, ranks, device=CPU)
    except RankEnded as ended:
        sys.exit(ended.exit_code)


if __name__ == "__main__":
    main()
