"""A browser for the tests that look at a report as its readers do."""

from tests.browsing import chromium

__all__ = ["chromium"]
