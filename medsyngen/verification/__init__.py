"""What a reviewer runs: is a cohort (or a bundle) what its own manifest, report and events say it is?

Nothing here imports anything beyond Python's standard library (``dp-accounting`` is used where it happens to be there),
nor any other part of medsyngen: it is a second, independent reading of what the exporter wrote, and it fits into one
file (``make verifier``) that bare Python 3.11 runs on a machine without scans.
"""
