"""The base class of the marketplace's tables."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, DateTime, MetaData, Numeric, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

from app.db.engine import NAMING_CONVENTION

SCHEMA = "marketplace"
_MONEY = Numeric(14, 2)


def constant(value: str) -> BindParameter[str]:
    """A word of ours, written into the SQL: a partial index serves only a query that states its condition so."""
    return literal(value, literal_execute=True)


class MarketplaceBase(DeclarativeBase):
    """Base class of the marketplace's tables."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        Decimal: _MONEY,
        # None is NULL, not JSON's null.
        dict[str, Any]: JSONB(none_as_null=True),
        dict[str, str]: JSONB(none_as_null=True),
    }
