"""Column shapes that many tables share."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Numeric, func
from sqlalchemy.orm import mapped_column

Id = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
Usd = Annotated[Decimal, mapped_column(Numeric(14, 2))]
At = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """A CHECK that `column` holds one of `words`: the database refuses what the types would."""
    allowed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")
