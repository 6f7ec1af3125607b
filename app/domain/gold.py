"""Gold Items: their right answer is known, and Workers are measured by it.

A row of an item file with `role` gold may name the right answer in the column `expected_option` (given, guessed, both or
neither). Without it the given label is the right one.
"""

from app.domain.vocabulary import Option
from app.errors import Problem

EXPECTED = "expected_option"


def expected_fault(value: object, *, line: int) -> Problem | None:
    """What is wrong with the right answer of a gold row, if something is."""
    written = "" if value is None else str(value).strip()
    if not written or written.casefold() in set(Option):
        return None
    return Problem(
        f"is {written[:50]!r}; a gold Item's right answer is {', '.join(Option)}, or left empty for given",
        line=line,
        field=EXPECTED,
    )
