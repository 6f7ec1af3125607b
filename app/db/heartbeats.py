"""Whether this database has been in use without a break, or is a backup that was restored.

A restored backup does not know what its runners did after it was taken: HITs were published, work was paid. So whoever works
on an endpoint writes a heartbeat, with the server, database and table that it is written in. A heartbeat that is old, or was
written elsewhere, means that the marketplace may know more than we do: until `pipeline/reconcile.py` has compared the two,
nothing is called that spends money. A computer that slept over night is taken for a backup too; that costs one comparison.

Times are the database's own.
"""

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from app.domain.vocabulary import BatchId

# A heartbeat older than this: the database was not in use, or is a backup restored as a copy of the disk.
LONGEST_GAP = "1 hour"
# A comparison that was interrupted is asked for again after this long.
RETRY_S = 60

# A restored dump has other tables, a restored disk with its log another timeline; a copied disk betrays itself by the gap.
_PLACE = "format('%s/%s/%s/%s', s.system_identifier, c.timeline_id, d.oid, CAST('endpoints' AS regclass)::oid)"
_CONTROL = "pg_control_system() AS s, pg_control_checkpoint() AS c, "
# For servers that keep the two functions to themselves.
_PLACE_WITHOUT = "format('-/-/%s/%s', d.oid, CAST('endpoints' AS regclass)::oid)"
_HERE = f"""
    here AS (
        SELECT clock_timestamp() AS now, clock_timestamp() - interval '{LONGEST_GAP}' AS oldest, {{place}} AS place
        FROM {{control}}pg_database AS d WHERE d.datname = current_database()
    )
"""
_ALLOWED = text("""
    SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
       AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')
""")


def _with_here(db: Session, statement: str) -> TextClause:
    """The statement with `here`: the time, and which server, database and table this is."""
    if db.execute(_ALLOWED).scalar_one():
        return text(statement.replace("{here}", _HERE.format(place=_PLACE, control=_CONTROL)))
    return text(statement.replace("{here}", _HERE.format(place=_PLACE_WITHOUT, control="")))


_BEAT = """
    WITH {here}, broken AS (
        SELECT here.now FROM here
        WHERE EXISTS (SELECT 1 FROM endpoints AS e WHERE e.url = :url
                      AND (e.heartbeat_at < here.oldest OR e.heartbeat_in <> here.place))
           -- The endpoint has moved to another address since: its old one tells as much.
           OR (EXISTS (SELECT 1 FROM endpoints AS e WHERE e.heartbeat_at < here.oldest OR e.heartbeat_in <> here.place)
               AND NOT EXISTS (SELECT 1 FROM endpoints AS e WHERE e.url = :url AND e.heartbeat_at IS NOT NULL))
    )
    INSERT INTO endpoints AS e (url, calls_per_second, next_call_at, heartbeat_at, heartbeat_in, resumed_at, reconcile_at)
    SELECT :url, :ceiling, here.now, here.now, here.place, broken.now,
           CASE WHEN broken.now IS NULL THEN here.now + make_interval(secs => :interval_s) END
    FROM here LEFT JOIN broken ON true
    ON CONFLICT (url) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, heartbeat_in = excluded.heartbeat_in,
        resumed_at = coalesce(excluded.resumed_at, e.resumed_at),
        reconcile_at = CASE WHEN excluded.resumed_at IS NOT NULL THEN NULL
                            WHEN e.resumed_at > coalesce(e.reconciled_at, '-infinity') THEN e.reconcile_at
                            ELSE coalesce(e.reconcile_at, excluded.reconcile_at) END
    RETURNING coalesce(resumed_at = heartbeat_at, false)
"""


def beat(db: Session, url: str, *, ceiling: float, interval_s: int) -> bool:
    """Say that this database is in use now. Returns whether a break was noticed: then a comparison is due at once.

    ceiling, interval_s: calls per second, and seconds until the first comparison, of an endpoint that is new.
    """
    values = {"url": url, "ceiling": ceiling, "interval_s": interval_s}
    return bool(db.execute(_with_here(db, _BEAT), values).scalar_one())


_MUST = """
    WITH {here}, mine AS (SELECT * FROM endpoints WHERE url = :url AND (heartbeat_at IS NOT NULL OR resumed_at IS NOT NULL))
    SELECT EXISTS (SELECT 1 FROM mine, here WHERE mine.resumed_at > coalesce(mine.reconciled_at, '-infinity')
                   OR mine.heartbeat_at < here.oldest OR mine.heartbeat_in <> here.place)
        OR (NOT EXISTS (SELECT 1 FROM mine)
            AND EXISTS (SELECT 1 FROM endpoints AS e, here WHERE e.heartbeat_at < here.oldest OR e.heartbeat_in <> here.place))
"""


def must_reconcile(db: Session, url: str) -> bool:
    """Whether the marketplace may know more than this database does, so that nothing may be spent before a comparison."""
    return bool(db.execute(_with_here(db, _MUST), {"url": url}).scalar_one())


def due_for_reconcile(db: Session, url: str) -> bool:
    """Whether a comparison is due; if so, whoever asks first gets True, and nobody else for RETRY_S."""
    won = db.execute(
        text("""
            UPDATE endpoints SET reconcile_at = clock_timestamp() + make_interval(secs => :retry_s)
            WHERE url = :url AND (reconcile_at IS NULL OR reconcile_at <= clock_timestamp()) RETURNING url
        """),
        {"url": url, "retry_s": RETRY_S},
    )
    return won.first() is not None


def reconciled(db: Session, url: str, *, interval_s: int) -> None:
    """All Batches of the endpoint were compared, to the end; the next time is in `interval_s` seconds."""
    db.execute(
        text("""
            UPDATE endpoints SET reconciled_at = clock_timestamp(),
                reconcile_at = clock_timestamp() + make_interval(secs => :interval_s) WHERE url = :url
        """),
        {"url": url, "interval_s": interval_s},
    )


def perhaps_published(db: Session, url: str, batch_id: BatchId) -> bool:
    """Whether HITs that this database takes for unpublished may be on the marketplace, their tokens forgotten there.

    So until a comparison was made after a break; and after it where HITs were found with the Batch's number that no row of
    ours was for: a plan that is made again makes those rows.
    """
    strays = text("""
        SELECT EXISTS (SELECT 1 FROM differences
                       WHERE kind = 'hit_of_no_batch' AND endpoint_url = :url AND batch_id = :batch_id)
    """)
    found = db.execute(strays, {"url": url, "batch_id": batch_id}).scalar_one()
    return bool(found) or must_reconcile(db, url)
