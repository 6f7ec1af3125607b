"""A Batch's Consensus as the study's JSON, which `labeljury study import` reads."""

from collections.abc import Generator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import export_queries
from app.db.table_streams import json_lines
from app.db.tables import Consensus, Item
from app.domain.consensus import majority
from app.domain.vocabulary import BatchId, ItemRole

# Suspects that somebody answered: what the study calls checked. Gold and control Items are no part of its table.
_ITEMS = """
    SELECT json_build_object(
        'id', i.external_id, 'url', coalesce(i.media_url, '/media/' || i.media_token),
        'given_original_label', i.given_label, 'our_guessed_label', i.guessed_label,
        'mturk', json_build_object('given', c.given_count, 'guessed', c.guessed_count, 'both', c.both_count,
                                   'neither', c.neither_count),
        'cannot_tell', c.cannot_tell_count, 'responses', c.response_count, 'status', c.status, 'profile', b.profile)
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    JOIN consensus AS c ON c.item_id = i.id AND c.method = %(method)s
    WHERE i.batch_id = %(batch_id)s AND i.role = 'suspect' AND c.response_count > 0
    ORDER BY i.id
"""


def study_json(db: Session, batch_id: BatchId) -> Generator[bytes, None, None]:
    """A JSON list, one object a suspected Item with Responses. Raises NotFound at once.

    Ids and labels are text, as they are kept here. Beside the study's names stand `responses`, `cannot_tell`, `status` and
    `profile`; readers of the study's files pass them over.
    """
    export_queries.batch_of(db, batch_id)
    return _listed(json_lines(db, _ITEMS, {"batch_id": batch_id, "method": majority.NAME}))


def study_rows(db: Session, batch_id: BatchId) -> int:
    """How many Items `study_json` has."""
    counted = (
        select(func.count())
        .select_from(Consensus)
        .join(Item, Item.id == Consensus.item_id)
        .where(Item.batch_id == batch_id, Item.role == ItemRole.SUSPECT)
        .where(Consensus.method == majority.NAME, Consensus.response_count > 0)
    )
    return db.scalar(counted) or 0


def _listed(lines: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """Chunks of whole lines as the elements of one list. JSON has no line end inside a value."""
    before = b"[\n"
    for chunk in lines:
        yield before + chunk.removesuffix(b"\n").replace(b"\n", b",\n")
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"
