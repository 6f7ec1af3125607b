"""How much room a HIT's page has for Items: MTurk takes 65,535 bytes a question, and rendering each Item to see is slow."""

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from app.domain.vocabulary import MediaType
from app.questions.characters import legal_in_html
from app.questions.envelope import MAX_QUESTION_BYTES, html_question
from app.questions.rendering import ShownItem, render

# A position may take more digits than in the pages that were measured.
_SLACK_PER_ITEM = 64
_PROBE = 100
# What html.escape replaces.
_ESCAPED = re.compile("[&<>\"']")


@dataclass(frozen=True, slots=True)
class PageBudget:
    """Sizes in bytes of UTF-8. `capacity_bytes` is the room for Items; the rest says what one Item takes of it."""

    capacity_bytes: int
    per_item: int
    per_label_byte: int
    per_medium_byte: int

    @classmethod
    def of(cls, template_source: str, *, media_type: MediaType, title: str, instructions: str) -> Self:
        """Measure a template on sample pages. Raises InvalidInput where the template alone is too large."""

        def size(items: int, *, label: int = 1, medium: int = 1) -> int:
            shown = [_sample(media_type, position + 1, label, medium) for position in range(items)]
            page = render(template_source, shown, title=title, instructions=instructions)
            return len(html_question(page).encode())

        one = size(1)
        per_item = size(2) - one
        return cls(
            capacity_bytes=MAX_QUESTION_BYTES - (one - per_item),
            per_item=per_item + _SLACK_PER_ITEM,
            per_label_byte=-(-(size(1, label=1 + _PROBE) - one) // (2 * _PROBE)),
            per_medium_byte=-(-(size(1, medium=1 + _PROBE) - one) // _PROBE),
        )

    def item_bytes(self, *, text: str | None, url: str | None, label_a: str, label_b: str) -> int:
        """What an Item adds to the page; values count as they are written, with `&` as `&amp;`."""
        labels = _written_label(label_a) + _written_label(label_b)
        medium = _written(text if text is not None else url or "")
        return self.per_item + labels * self.per_label_byte + medium * self.per_medium_byte

    def fits(self, item_bytes: int) -> bool:
        """Whether an Item of this size fits a HIT of its own."""
        return item_bytes <= self.capacity_bytes


def _written(value: str) -> int:
    # What is printable is legal; most values are plain besides, and import measures three a row.
    if not value.isprintable():
        value = legal_in_html(value)
    if _ESCAPED.search(value):
        value = html.escape(value)
    return len(value) if value.isascii() else len(value.encode())


# A file's labels are few and come again and again; its texts do not.
_written_label = lru_cache(maxsize=4096)(_written)


def _sample(media_type: MediaType, position: int, label: int, medium: int) -> ShownItem:
    filler = "x" * medium
    is_text = media_type is MediaType.TEXT
    return ShownItem(
        position=position,
        media_type=media_type,
        label_a="x" * label,
        label_b="x" * label,
        media_url=None if is_text else filler,
        text=filler if is_text else None,
    )
