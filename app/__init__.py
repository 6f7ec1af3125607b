"""Label Jury: a jury of five for every doubtful label."""
