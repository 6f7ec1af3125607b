"""Numbers before what they count."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`; `many`: the plural where it takes more than an s, such as the verb behind it."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
