"""What a Worker wants to see of the list of work; it stands in the page's address, so that it can be kept."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from sqlalchemy import ColumnElement, and_, or_, true

from app.marketplace.store import HITType, Requester

_LONGEST_TEXT = 200
_MOST_USD = Decimal(1000)


class Order(StrEnum):
    """How the list is sorted."""

    NEWEST = "newest"
    REWARD = "reward"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Choice:
    """Words to find, the least reward, only what the Worker qualifies for, and the order."""

    text: str = ""
    least_usd: Decimal | None = None
    qualified: bool = False
    order: Order = Order.NEWEST

    @property
    def is_narrow(self) -> bool:
        """Whether something is left out by it."""
        return bool(self.text) or self.least_usd is not None or self.qualified

    def query(self, page: int = 1) -> str:
        """The page's address behind its `?`: what differs from the plain list."""
        wanted = {
            "find": self.text,
            "least": "" if self.least_usd is None else str(self.least_usd),
            "qualified": "on" if self.qualified else "",
            "sort": "" if self.order is Order.NEWEST else self.order.value,
            "page": "" if page == 1 else str(page),
        }
        return urlencode({name: value for name, value in wanted.items() if value})

    def condition(self) -> ColumnElement[bool]:
        """What a HIT Type, joined with its Requester, must be like."""
        each_word = [
            or_(*(column.icontains(word, autoescape=True) for column in _SEARCHED)) for word in self.text.split()[:10]
        ]
        enough = true() if self.least_usd is None else HITType.reward_usd >= self.least_usd
        return and_(enough, *each_word)


_SEARCHED = (HITType.title, HITType.description, HITType.keywords, Requester.name)


def choice(
    find: Annotated[str, Query(max_length=1000)] = "",
    least: Annotated[str, Query(max_length=20)] = "",
    qualified: Annotated[str, Query(max_length=10)] = "",
    sort: Annotated[str, Query(max_length=20)] = "",
) -> Choice:
    """Read the list's query. What makes no sense is left out: it only filters."""
    text = " ".join(find.replace("\0", "").split())[:_LONGEST_TEXT]
    order = Order(sort) if sort in list(Order) else Order.NEWEST
    return Choice(text, _dollars(least), qualified == "on", order)


def _dollars(text: str) -> Decimal | None:
    try:
        amount = Decimal(text.strip().removeprefix("$").replace(",", "."))
    except InvalidOperation:
        return None
    return round(amount, 2) if amount.is_finite() and 0 < amount <= _MOST_USD else None
