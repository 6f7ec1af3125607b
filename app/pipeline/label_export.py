"""A Batch's Consensus as corrected labels: which Items keep theirs, which change or are dropped, by which rule and why."""

import io
from collections.abc import Generator, Mapping, Sequence
from sys import intern
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db import export_queries
from app.db.server_cursors import in_groups
from app.db.table_streams import Form, parquet
from app.db.tables import Item
from app.domain.consensus import majority
from app.domain.correction_rules import CorrectionRules
from app.domain.corrections import Change, changes_of, votes_text
from app.domain.label_arrays import CorrectedLabels, LabelArray, class_names, corrected, of_items
from app.domain.study_sets import StudyItem
from app.domain.vocabulary import BatchId, ItemRole
from app.files.label_files import write_npy
from app.files.tables import TableFormat, table_chunk

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 20_000
_NO_OTHERS: Mapping[str, int] = {}
# The page that asks must be quick, and what is offered in vain is refused with its reason.
_LOOKED_AT = 20_000
_AN_ARRAY_OR_NOT = text("""
    WITH looked AS (
        SELECT external_id AS id, external_id ~ '^(0|[1-9][0-9]{0,17})$' AS is_number, given_label, guessed_label
        FROM items WHERE batch_id = :id AND role <> 'gold' LIMIT :most
    )
    SELECT count(*), coalesce(bool_and(is_number), false), max(CASE WHEN is_number THEN CAST(id AS bigint) END),
           NOT bool_and(given_label ~ '^-?[0-9]+$') OR bool_and(guessed_label ~ '^-?[0-9]{1,18}$')
    FROM looked
""")
# The labels of gold Items may have been made wrong on purpose.
_ITEMS = """
    SELECT i.external_id, i.given_label, i.guessed_label,
           coalesce(c.given_count, 0), coalesce(c.guessed_count, 0), coalesce(c.both_count, 0), coalesce(c.neither_count, 0)
    FROM items AS i LEFT JOIN consensus AS c ON c.item_id = i.id AND c.method = %(method)s
    WHERE i.batch_id = %(batch_id)s AND i.role <> 'gold'
    ORDER BY i.id
"""


def quorum_of(db: Session, batch_id: BatchId) -> int:
    """How many equal Responses decide an Item of the Batch. Raises NotFound."""
    return export_queries.batch_of(db, batch_id).quorum


def labels(
    db: Session, batch_id: BatchId, rules: CorrectionRules, *, form: Form = Form.CSV
) -> Generator[bytes, None, None]:
    """One line an Item but gold ones, in the file's order. Raises NotFound at once.

    `id,given_label,label,action,category,rule,reason,votes,responses,profile`: `action` is kept, corrected or dropped, where
    `label` is absent; `category` and `reason` tell of changes alone.
    """
    profile = export_queries.batch_of(db, batch_id).profile
    return _written(db, batch_id, rules, profile, form)


def label_rows(db: Session, batch_id: BatchId) -> int:
    """How many lines `labels` has."""
    counted = select(func.count()).select_from(Item).where(Item.batch_id == batch_id, Item.role != ItemRole.GOLD)
    return db.scalar(counted) or 0


def items_of(db: Session, batch_id: BatchId) -> list[StudyItem]:
    """The Batch's Items with their counts, all in memory, gold ones left out. Raises NotFound."""
    export_queries.batch_of(db, batch_id)
    return [item for items in _items(db, batch_id) for item in items]


def label_array(
    db: Session, batch_id: BatchId, rules: CorrectionRules, *, classes: str | None = None
) -> CorrectedLabels:
    """The Batch's labels as an array, by the Items' ids: gold ones left out, these must be the positions 0 to n-1.

    classes: names in the order of their numbers, by commas. Raises NotFound, and InvalidInput for other ids or a label that
    the array cannot hold.
    """
    items = items_of(db, batch_id)
    original = of_items(items, otherwise="ask for labels.csv, .jsonl or .parquet, which name each Item by its id")
    return corrected(original, items, changes_of(items, rules), classes=class_names(classes))


def why_no_array(db: Session, batch_id: BatchId, *, looked_at: int = _LOOKED_AT) -> str | None:
    """Why the Batch's labels, corrected by whatever rules, are not to be offered as an array; None: they are.

    looked_at: Of more Items so many are looked at; what is wrong with these is certain, that all is well with the others is not.
    """
    items, numbers, last, guessed_fit_in = db.execute(_AN_ARRAY_OR_NOT, {"id": batch_id, "most": looked_at}).one()
    if not numbers or (items < looked_at and last != items - 1):
        return "ids are not all numbers from 0 on"
    return None if guessed_fit_in else "given labels are numbers, guessed ones are not"


def as_npy(array: LabelArray) -> bytes:
    """The array as the content of a `.npy` file."""
    written = io.BytesIO()
    write_npy(written, array)
    return written.getvalue()


def _items(db: Session, batch_id: BatchId) -> Generator[list[StudyItem], None, None]:
    for rows in in_groups(db, _ITEMS, {"batch_id": batch_id, "method": majority.NAME}, size=_ROWS_AT_ONCE):
        yield [_item(row) for row in rows]


def _item(row: tuple[Any, ...]) -> StudyItem:
    id, given, guessed, *counts = row
    given_count, guessed_count, both, neither = counts
    # Labels are few and Items many: the same word is kept once.
    return StudyItem(id, intern(given), intern(guessed), (given_count, guessed_count, both, neither), _NO_OTHERS)


def _written(
    db: Session, batch_id: BatchId, rules: CorrectionRules, profile: str, form: Form
) -> Generator[bytes, None, None]:
    tables = (_table(items, rules, profile) for items in _items(db, batch_id))
    none = _table([], rules, profile)
    if form is Form.PARQUET:
        yield from parquet(none.schema, tables)
        return
    yield table_chunk(none, TableFormat(form), header=True)
    for table in tables:
        yield table_chunk(table, TableFormat(form), header=False)


def _table(items: Sequence[StudyItem], rules: CorrectionRules, profile: str) -> "pa.Table":
    import pyarrow as pa

    changes = {change.id: change for change in changes_of(items, rules)}
    found = [(item, changes.get(item.id)) for item in items]
    texts = {
        "id": [item.id for item, _ in found],
        "given_label": [item.given for item, _ in found],
        "label": [item.given if change is None else change.corrected for item, change in found],
        "action": [_action(change) for _, change in found],
        "category": [change and change.category.value for _, change in found],
        "rule": [str(rules)] * len(found),
        "reason": [change and change.reason for _, change in found],
        "votes": [votes_text(item) for item, _ in found],
    }
    columns = {name: pa.array(values, type=pa.string()) for name, values in texts.items()}
    columns["responses"] = pa.array([item.answers for item, _ in found], type=pa.int64())
    columns["profile"] = pa.array([profile] * len(found), type=pa.string())
    return pa.table(columns)


def _action(change: Change | None) -> str:
    if change is None:
        return "kept"
    return "dropped" if change.corrected is None else "corrected"
