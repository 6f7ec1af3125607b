"""Label Jury: a jury of five for every doubtful label."""

__version__ = "0.1.0"
