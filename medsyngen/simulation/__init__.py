"""A simulated hospital: stands in for private scans in the demo, in development and in tests. Sees no phantoms."""

from medsyngen.simulation.hospital import HospitalFacts, simulate_hospital, simulate_images

__all__ = ["HospitalFacts", "simulate_hospital", "simulate_images"]
