"""What the tests of the question share."""

from collections.abc import Iterator

import pytest

from tests.browsing import chromium
from tests.questions.frame_host import FrameHost

__all__ = ["chromium"]


@pytest.fixture
def frame_host() -> Iterator[FrameHost]:
    """A little marketplace on loopback: shows a page in its sandboxed frame and keeps what is posted."""
    with FrameHost() as host:
        yield host
