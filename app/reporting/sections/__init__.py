"""The parts of a report on a Batch; each a function of its findings."""
