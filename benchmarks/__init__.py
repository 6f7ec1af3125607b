"""How fast the service is beside the plainest way to do the same: `python -m benchmarks.run`."""
