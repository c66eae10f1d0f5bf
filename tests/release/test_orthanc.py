"""A round trip through a real PACS: Orthanc, started and stopped by the test. Marks and pixels survive.

Orthanc has no setting that keeps its DICOM port to the loopback, so the whole test runs in a network of its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from cohorts import program

HERE = Path(__file__).parent
INSTALLED = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/bin/storescu")


@pytest.mark.slow
def test_store_query_retrieve_and_preview():
    program("Orthanc")
    if not all(Path(each).is_file() for each in INSTALLED):
        pytest.skip("EXTERNAL: no orthanc-dicomweb or dcmtk here (.ci/run installs them)")
    alone = [str(program("unshare")), "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("EXTERNAL: this machine gives no process a network of its own")
    command = [*alone, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "orthanc_round_trip.py"]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "2 passed" in done.stdout
