"""Nothing that touches scans, runs or cohorts asks a network: not Python code, and not what Python can't see.

Every Python process of the job loads a `sitecustomize` that notes and forbids what leads to another machine; and where
the machine allows it, the whole job runs in a network of its own that has no interface but a loopback that is down.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from install.check import without_network
from medsyngen.simulation.hospital import simulate_hospital

WATCH = """
import os, sys

def watch(event, args):
    asked = event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
    # Processes of one machine may talk through a socket with a path: an address of another family is a tuple.
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}:
        asked = isinstance(args[1], tuple)
    # urllib3 tries at its import whether this machine knows IPv6; a port of one's own loopback leads nowhere.
    if event == "socket.bind" and args[1][0] in {"::1", "127.0.0.1"}:
        asked = False
    if asked:
        with open(os.environ["NETWORK_ASKED"], "a") as notes:
            notes.write(f"{event} {args[1:]}\\n")
        raise PermissionError(f"the network was asked: {event}")

sys.addaudithook(watch)
"""
JOB = """
import sys
from importlib.metadata import entry_points
(script,) = entry_points(group="console_scripts", name="medsyngen")
for line in sys.argv[1:]:
    sys.argv = line.split()
    try:
        script.load()()
    except SystemExit as stop:
        if stop.code:
            raise
"""
CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import socket; socket.gethostbyname('x')"], check=True)
"""
FEW = "--set synthesis.public.steps=2 --set synthesis.private.steps=1 --set synthesis.sampler_steps=2"
LINES = [
    "medsyngen inspect SCANS --out LOOK",
    f"medsyngen fit smoke-16 --scans SCANS --run RUN --patients-at-most 50 --own-ledger test {FEW}",
    "medsyngen export RUN --out COHORT --count 4 --format dicom,nifti,png",
    "medsyngen report RUN",
    "medsyngen verify COHORT",
]


def run(folder: Path, alone: list[str], program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "watch").mkdir(exist_ok=True)
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    path = os.pathsep.join([str(folder / "watch"), os.environ.get("PYTHONPATH", "")])
    settings = {
        **os.environ,
        "PYTHONPATH": path,
        "NETWORK_ASKED": str(folder / "asked"),
        "MEDSYNGEN_CACHE": str(folder / "cache"),
    }
    command = [*alone, sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_whole_job_asks_no_network(tmp_path: Path) -> None:
    simulate_hospital(tmp_path / "SCANS", patients=30, size=16, seed=5)
    done = run(tmp_path, without_network(), JOB, *LINES)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
    assert (tmp_path / "COHORT" / "manifest.json").is_file()


@pytest.mark.parametrize(
    "call",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9), 1)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import socket; socket.getaddrinfo('localhost', 9)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        CHILD,
    ],
)
def test_the_watch_sees_whoever_asks(tmp_path: Path, call: str) -> None:
    done = run(tmp_path, [], call)
    assert done.returncode != 0
    assert "the network was asked" in done.stderr
    assert (tmp_path / "asked").read_text().startswith("socket.")


def test_the_watch_lets_processes_of_one_machine_talk(tmp_path: Path) -> None:
    call = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('here'); a, b = socket.socketpair(); a.send(b'x')"
    assert run(tmp_path, [], call).returncode == 0
    assert not (tmp_path / "asked").exists()


def test_a_network_of_its_own_has_nothing_in_it() -> None:
    alone = without_network()
    if not alone:
        pytest.skip("EXTERNAL: this machine gives no process a network of its own")
    call = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    done = subprocess.run([*alone, sys.executable, "-c", call], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in done.stderr
