"""JSON objects that have a name twice: readers keep the last value, and nobody hears of the others."""

from collections import Counter
from collections.abc import Sequence

Pair = tuple[str, object]


class Repeated(dict[str, object]):
    """An object with a name twice; `name` is the first such."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        super().__init__(pairs)
        self.name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def object_of(pairs: Sequence[Pair]) -> dict[str, object]:
    """For `object_pairs_hook`: the object, as a Repeated where it has a name twice."""
    value = dict(pairs)
    return value if len(value) == len(pairs) else Repeated(pairs)
