"""One file a format: what a scan is on disk. Nothing here knows of patients as units, windows or privacy."""
