"""Scans to patients: what a record is, and how it is read. Everything here is private and stays inside."""
