"""Which tests run in the same process when pytest-xdist spreads them over several."""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # xdist is not typed

_GROUP = re.compile(r'xdist_group\("([\w-]+)"\)')
_BROWSER = "pytest.mark.browser"


class GroupedByMark(LoadScopeScheduling):  # type: ignore[misc] # as above
    """`--dist loadgroup`, which does nothing under pytest 9.2: xdist 3.8 writes the groups where pytest no longer looks.

    A file's group is the one that its text names with `xdist_group`, and holds for all of the file. A file of browser tests
    is a group of its own: each process that has some of them starts a Chromium for the file, which takes seconds.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(self.config.rootpath / nodeid.partition("::")[0]) or nodeid


@cache
def _group_of(file: Path) -> str | None:
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if found := _GROUP.search(text):
        return found[1]
    return str(file) if _BROWSER in text else None
