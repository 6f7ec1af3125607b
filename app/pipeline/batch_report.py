"""Batch report: a Batch's Items, Responses, Workers, settings and payments, read as one value for `app/reporting`."""

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import __version__
from app.db import export_queries
from app.db.engine import Database
from app.db.media_files import path_of
from app.db.media_pictures import small_picture
from app.db.table_streams import Kind, fetch
from app.db.tables import Batch
from app.db.worker_answers import EXPECTED_SQL
from app.domain.consensus import majority
from app.domain.consensus.votes import OPTIONS
from app.domain.statistics.study_table import Scope
from app.domain.vocabulary import BatchId, BatchStatus, MediaType, Option
from app.domain.wages import WorkTime, work_time_s
from app.errors import InvalidInput
from app.questions.page_text import lines_of
from app.questions.rendering import ShownItem, render
from app.questions.still import place_of, still
from app.reporting.batch_document import batch_document
from app.reporting.document import Document
from app.reporting.findings import THEMSELVES
from app.reporting.record import NONE, BatchRecord, Dates, Items, Money, Responses, ShownPage, Terms, Work

if TYPE_CHECKING:
    import pyarrow as pa

_HOUR_S = 3600
# So that question and choices are seen below it on a phone.
_SHOWN_CHARACTERS = 280
_LIBRARIES = ("numpy", "scipy", "matplotlib")
_CODE = {option.value: number for number, option in enumerate(OPTIONS)}

_ITEMS = f"""
    SELECT i.id, i.external_id, i.given_label, i.guessed_label, i.role,
           CASE WHEN i.role = 'gold' THEN {EXPECTED_SQL} END AS gold,
           coalesce(c.status = 'settled', false) OR b.status IN ('done', 'stopped') AS settled,
           i.media_type, coalesce(i.media_url, i.text, m.sha256) AS medium
    FROM items AS i JOIN batches AS b ON b.id = i.batch_id
    LEFT JOIN media_files AS m ON m.token = i.media_token
    LEFT JOIN consensus AS c ON c.item_id = i.id AND c.method = %(method)s
    WHERE i.batch_id = %(batch_id)s ORDER BY i.id
"""
# Whoever may read a report need not know which Items are gold.
_EXAMPLE = text("""
    SELECT i.external_id, i.media_type, i.media_url, i.text, i.given_label, i.guessed_label, m.sha256
    FROM items AS i LEFT JOIN media_files AS m ON m.token = i.media_token
    WHERE i.batch_id = :id ORDER BY i.role = 'gold', i.id LIMIT 1
""")
# Columns that hold numbers, or text that reads as one, in every row that has them.
_NUMERIC_COLUMNS = """
    SELECT e.key FROM items AS i CROSS JOIN LATERAL jsonb_each_text(i.extra) AS e(key, value)
    WHERE i.batch_id = %(batch_id)s AND e.key <> '' AND e.value <> ''
    GROUP BY e.key HAVING bool_and(e.value ~ '^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?$')
    ORDER BY e.key
"""
_COLUMN = """
    SELECT i.id, nullif(i.extra ->> %(key)s, '') AS value FROM items AS i WHERE i.batch_id = %(batch_id)s ORDER BY i.id
"""
_RESPONSES = """
    SELECT r.item_id, r.worker_id, array_position(ARRAY['given', 'guessed', 'both', 'neither'], r.option::text) - 1 AS label,
           array_position(r.order_shown::text[], 'given') < array_position(r.order_shown::text[], 'guessed') AS given_first,
           r.elapsed_ms,
           row_number() OVER (ORDER BY coalesce(a.submitted_at, a.collected_at), a.id, r.position) AS sequence
    FROM responses AS r JOIN items AS i ON i.id = r.item_id JOIN assignments AS a ON a.id = r.assignment_id
    WHERE i.batch_id = %(batch_id)s AND r.counted AND r.option IS NOT NULL
    ORDER BY r.item_id, r.assignment_id
"""
_WORKERS = text("""
    SELECT DISTINCT w.id, w.pseudonym
    FROM responses AS r JOIN items AS i ON i.id = r.item_id JOIN workers AS w ON w.id = r.worker_id
    WHERE i.batch_id = :id AND r.counted AND r.option IS NOT NULL ORDER BY w.id
""")
_WORK = text("""
    SELECT work.*, said.* FROM (
        SELECT count(*) AS submitted, count(*) FILTER (WHERE a.status = 'approved') AS approved,
               count(*) FILTER (WHERE a.status = 'rejected') AS rejected,
               count(*) FILTER (WHERE a.answer_state = 'quarantined') AS unreadable,
               min(a.submitted_at) AS first_at, max(a.submitted_at) AS last_at
        FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id WHERE h.batch_id = :id
    ) AS work, (
        SELECT count(*) FILTER (WHERE r.counted AND r.cannot_tell) AS cannot_tell,
               count(*) FILTER (WHERE NOT r.counted) AS not_counted
        FROM responses AS r JOIN items AS i ON i.id = r.item_id WHERE i.batch_id = :id
    ) AS said
""")
_MONEY = text("""
    SELECT coalesce(sum(amount_usd) FILTER (WHERE kind = 'reward'), 0) AS rewards,
           coalesce(sum(amount_usd) FILTER (WHERE kind = 'bonus'), 0) AS bonuses,
           coalesce(sum(amount_usd) FILTER (WHERE kind IN ('fee', 'bonus_fee')), 0) AS fees,
           coalesce(sum(amount_usd) FILTER (WHERE status = 'owed'), 0) AS owed
    FROM payments WHERE batch_id = :id AND status IN ('owed', 'paid')
""")
_PAY = text("""
    WITH measured AS (
        SELECT r.assignment_id, CASE WHEN count(*) = count(r.elapsed_ms) THEN sum(r.elapsed_ms) / 1000.0 END AS seconds
        FROM items AS i JOIN responses AS r ON r.item_id = i.id WHERE i.batch_id = :id GROUP BY r.assignment_id
    ), got AS (
        SELECT p.assignment_id, sum(p.amount_usd) AS usd FROM payments AS p
        WHERE p.batch_id = :id AND p.kind IN ('reward', 'bonus') AND p.status <> 'cancelled' GROUP BY p.assignment_id
    )
    SELECT CAST(extract(epoch FROM a.submitted_at - a.accepted_at) AS double precision) AS taken_s,
           CAST(measured.seconds AS double precision) AS measured_s, CAST(got.usd AS double precision) AS usd
    FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
    JOIN measured ON measured.assignment_id = a.id JOIN got ON got.assignment_id = a.id
    WHERE h.batch_id = :id AND g.purpose = 'items' AND a.status = 'approved'
""")


def compose(
    database: Database,
    batch_id: BatchId,
    *,
    media_dir: Path,
    scope: Scope = THEMSELVES,
    now: datetime,
    tell: Callable[[str], None] = lambda what: None,
) -> Document:
    """The report on the Batch as it is, read in one transaction of its own and computed when that is over.

    media_dir: where imported media lie; scope: what the Batch's suspects stand for; `tell` hears what is computed next.
    Raises NotFound, InvalidInput for a scope that cannot be.
    """
    with database.transaction() as db:
        # All statements see one state: figures must fit together.
        db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        record = read(db, batch_id, now=now, media_dir=media_dir)
    return batch_document(record, scope=scope, tell=tell)


def read(db: Session, batch_id: BatchId, *, now: datetime, media_dir: Path) -> BatchRecord:
    """All that a report on the Batch says, in memory; Workers by pseudonym. Raises NotFound."""
    batch = export_queries.batch_of(db, batch_id)
    items, item_ids = _items(db, batch_id)
    workers = db.execute(_WORKERS, {"id": batch_id}).all()
    work = db.execute(_WORK, {"id": batch_id}).one()
    return BatchRecord(
        terms=_terms(batch, _shown_page(db, batch, media_dir)),
        dates=Dates(batch.created_at, batch.launched_at, batch.finished_at, work.first_at, work.last_at, now),
        money=_money(db, batch),
        work=Work(work.submitted, work.approved, work.rejected, work.unreadable, work.cannot_tell, work.not_counted),
        items=items,
        responses=_responses(db, batch_id, item_ids, np.array([row.id for row in workers], dtype=np.int64)),
        workers=[row.pseudonym for row in workers],
        versions=_versions(),
    )


def _terms(batch: Batch, shown: ShownPage | None) -> Terms:
    return Terms(
        number=batch.id,
        name=batch.name,
        status=BatchStatus(batch.status),
        profile=batch.profile,
        media_type=batch.media_type,
        template_name=batch.template_name,
        template_sha256=batch.template_sha256,
        template_source=batch.template_source,
        title=batch.title,
        description=batch.description,
        keywords=batch.keywords,
        instructions=batch.instructions,
        page=lines_of(_page(batch, _NAMED[MediaType(batch.media_type)])) if shown else (),
        shown=shown,
        assignments_per_item=batch.assignments_per_item,
        first_assignments=batch.first_assignments,
        items_per_hit=batch.items_per_hit,
        quorum=batch.quorum,
        reward_usd=batch.reward_usd,
        hourly_usd=batch.hourly_usd,
        top_up=batch.top_up,
        assignment_duration_s=batch.assignment_duration_s,
        lifetime_s=batch.lifetime_s,
        review_policy=batch.review_policy,
        review_settings={name: str(value) for name, value in batch.review_settings.items()},
        repost_limit=batch.repost_limit,
        pilot_items=batch.pilot_items,
        excluded_batches=tuple(batch.excluded_batches),
        seed=batch.seed,
        masters=batch.masters,
    )


_IN_ITS_PLACE = ShownItem(1, MediaType.IMAGE, "[one of the two labels]", "[the other label]", media_url="about:blank")
# An Item with names in place of its own labels and medium.
_NAMED = {media: replace(_IN_ITS_PLACE, media_type=media) for media in MediaType} | {
    MediaType.TEXT: replace(_IN_ITS_PLACE, media_type=MediaType.TEXT, media_url=None, text="[the text]")
}


@dataclass(frozen=True, slots=True)
class _Example:
    """An Item for the picture of the page; `sizes` of the pictures that its page holds."""

    item: ShownItem
    id: str | None = None
    changed: tuple[str, ...] = ()
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def _shown_page(db: Session, batch: Batch, media_dir: Path) -> ShownPage | None:
    """The page of the Batch's first Item as a picture; None where this version cannot show the template."""
    example = _example(db, batch, media_dir)
    try:
        page = _page(batch, example.item)
    except InvalidInput:  # a restored Batch may hold such a template
        return None
    return ShownPage(still(page, sizes=example.sizes), example.id, example.changed)


def _page(batch: Batch, item: ShownItem) -> str:
    return render(batch.template_source, [item], title=batch.title, instructions=batch.instructions)


def _example(db: Session, batch: Batch, media_dir: Path) -> _Example:
    row = db.execute(_EXAMPLE, {"id": batch.id}).one_or_none()
    if row is None:
        return _Example(_NAMED[MediaType(batch.media_type)])
    media = MediaType(row.media_type)
    first, second = sorted([row.given_label, row.guessed_label])
    item = replace(_NAMED[media], label_a=first, label_b=second)
    match media:
        case MediaType.TEXT:
            return _text_example(replace(item, text=row.text), row.external_id)
        case MediaType.AUDIO:
            changed = "A box stands for the sound."
        case MediaType.IMAGE:
            picture = small_picture(path_of(media_dir, row.sha256)) if row.sha256 else None
            if picture is not None:
                shrunk = ("The picture is shrunk.",) if picture.shrunk else ()
                size = {picture.url: (picture.width_px, picture.height_px)}
                return _Example(replace(item, media_url=picture.url), row.external_id, shrunk, size)
            changed = "A box stands for the picture, which is kept elsewhere."
    # A template may write the address anywhere, and what follows its path may be a key.
    address = place_of(row.media_url or "") or "about:blank"
    return _Example(replace(item, media_url=address), row.external_id, (changed,))


def _text_example(item: ShownItem, id: str) -> _Example:
    words = item.text or ""
    if len(words) <= _SHOWN_CHARACTERS:
        return _Example(item, id)
    return _Example(
        replace(item, text=f"{words[:_SHOWN_CHARACTERS].rstrip()} …"),
        id,
        (f"Its text of {len(words):,} characters is cut.",),
    )


def _items(db: Session, batch_id: BatchId) -> tuple[Items, NDArray[np.int64]]:
    values = {"batch_id": batch_id, "method": majority.NAME}
    found = fetch(db, _ITEMS, values, kinds={"id": Kind.NUMBER, "settled": Kind.FLAG})
    items = Items(
        ids=found["external_id"].to_pylist(),
        given=found["given_label"].to_pylist(),
        guessed=found["guessed_label"].to_pylist(),
        role=np.array(found["role"].to_pylist(), dtype=np.str_),
        gold=np.array([_CODE.get(word or "", NONE) for word in found["gold"].to_pylist()], dtype=np.int64),
        settled=np.asarray(found["settled"].to_numpy(zero_copy_only=False), dtype=bool),
        extra=_numeric_columns(db, batch_id),
        sha256=_digest(found),
    )
    return items, _numbers(found, "id")


def _digest(items: "pa.Table") -> str:
    """Of id, labels, role and medium of each Item in order: parts end in a NUL, which no value contains, rows in a line end."""
    found = hashlib.sha256()
    columns = [
        items[name].to_pylist()
        for name in ("external_id", "given_label", "guessed_label", "role", "media_type", "medium")
    ]
    for row in zip(*columns, strict=True):
        found.update(("\0".join(value or "" for value in row) + "\0\n").encode())
    return found.hexdigest()


def _numeric_columns(db: Session, batch_id: BatchId) -> dict[str, NDArray[np.float64]]:
    keys = fetch(db, _NUMERIC_COLUMNS, {"batch_id": batch_id}, kinds={})["key"].to_pylist()
    return {key: _column(db, batch_id, key) for key in keys}


def _column(db: Session, batch_id: BatchId, key: str) -> NDArray[np.float64]:
    found = fetch(db, _COLUMN, {"batch_id": batch_id, "key": key}, kinds={})["value"].to_pylist()
    return np.array([float("nan") if value is None else float(value) for value in found])


def _responses(db: Session, batch_id: BatchId, item_ids: NDArray[np.int64], worker_ids: NDArray[np.int64]) -> Responses:
    kinds: Mapping[str, Kind] = dict.fromkeys(
        ("item_id", "worker_id", "label", "elapsed_ms", "sequence"), Kind.NUMBER
    ) | {"given_first": Kind.FLAG}
    found = fetch(db, _RESPONSES, {"batch_id": batch_id}, kinds=kinds)
    first, second = _places(found["given_first"].to_pylist())
    elapsed = found["elapsed_ms"].to_numpy(zero_copy_only=False).astype(np.float64)
    return Responses(
        item=np.searchsorted(item_ids, _numbers(found, "item_id")).astype(np.int64),
        worker=np.searchsorted(worker_ids, _numbers(found, "worker_id")).astype(np.int64),
        label=_numbers(found, "label"),
        shown_first=first,
        shown_second=second,
        sequence=_numbers(found, "sequence"),
        elapsed_ms=np.where(elapsed > 0, elapsed, np.nan),
    )


def _places(given_first: Sequence[bool | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which label stood above the other, and which below; NONE where the order was not recorded."""
    given, guessed = _CODE[Option.GIVEN], _CODE[Option.GUESSED]
    above = {True: given, False: guessed, None: NONE}
    below = {True: guessed, False: given, None: NONE}
    first, second = (np.array([of[value] for value in given_first], dtype=np.int64) for of in (above, below))
    return first, second


def _numbers(table: "pa.Table", name: str) -> NDArray[np.int64]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.int64)


def _money(db: Session, batch: Batch) -> Money:
    row = db.execute(_MONEY, {"id": batch.id}).one()
    pay = [_hourly(found) for found in db.execute(_PAY, {"id": batch.id})]
    return Money(
        rewards_usd=Decimal(row.rewards),
        bonuses_usd=Decimal(row.bonuses),
        fees_usd=Decimal(row.fees),
        owed_usd=Decimal(row.owed),
        cap_usd=batch.cap_usd,
        hourly_usd=np.array([value for value in pay if value is not None], dtype=np.float64),
    )


def _hourly(row: Any) -> float | None:
    seconds = work_time_s(WorkTime(row.taken_s, row.measured_s))
    return row.usd * _HOUR_S / seconds if seconds and row.usd is not None else None


def _versions() -> dict[str, str]:
    found = {"Label Jury": __version__, "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover - installed as packages everywhere
            continue
    return found
