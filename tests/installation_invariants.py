"""What must hold in an installation, whoever died where: promises 1 to 3 of the design, as SQL that lists what breaks them.

The service's tables are compared with the marketplace's own, which stand in the same database; nobody else may be using
that marketplace as our Requester. Every statement gives the Batch's number first (0: of none).
"""

from collections.abc import Iterator

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger_rules
from app.db.engine import Database
from tests import marketplace_invariants

# Of the ledger: what counts against a Batch's cap (app/db/ledger.py).
_COMMITS = "(p.kind IN ('reservation', 'release') OR (p.kind IN ('bonus', 'bonus_fee') AND p.status <> 'cancelled'))"
# What a marketplace took for each Assignment: whatever left the Requester's two balances together.
_TAKEN = """
    SELECT assignment_id, -sum(available_delta_usd + on_hold_delta_usd) AS usd FROM marketplace.transactions
    WHERE assignment_id IS NOT NULL GROUP BY assignment_id
"""
_PAID = "SELECT assignment_id, sum(amount_usd) AS usd FROM payments WHERE status = 'paid' GROUP BY assignment_id"

# At any moment, also in the middle of a crash.
ALWAYS = {
    "no HIT is published twice": """
        SELECT split_part(split_part(requester_annotation, 'batch=', 2), ' ', 1)::bigint, requester_annotation, count(*)
        FROM marketplace.hits WHERE requester_annotation LIKE 'label-jury batch=%'
        GROUP BY requester_annotation HAVING count(*) > 1
    """,
    "a HIT of ours is the one on the marketplace that carries its annotation": """
        SELECT h.batch_id, h.id FROM hits AS h LEFT JOIN marketplace.hits AS m ON m.id = h.marketplace_hit_id
        WHERE h.marketplace_hit_id IS NOT NULL AND m.requester_annotation IS DISTINCT FROM h.annotation
    """,
    "a HIT that was never published is not on the marketplace": """
        SELECT h.batch_id, h.id FROM hits AS h JOIN marketplace.hits AS m ON m.requester_annotation = h.annotation
        WHERE h.status IN ('planned', 'cancelled')
    """,
    "no bonus is paid twice": """
        SELECT coalesce(h.batch_id, 0), b.assignment_id, b.reason, count(*)
        FROM marketplace.bonus_payments AS b LEFT JOIN hits AS h ON h.marketplace_hit_id = b.hit_id
        LEFT JOIN assignments AS a ON a.marketplace_assignment_id = b.assignment_id
        GROUP BY h.batch_id, a.id, b.assignment_id, b.reason, b.amount_usd
        HAVING count(*) > (SELECT count(*) FROM operations AS o WHERE o.kind = 'bonus' AND o.assignment_id = a.id
                           AND o.arguments ->> 'reason' = b.reason AND (o.arguments ->> 'amount_usd')::numeric = b.amount_usd)
    """,
    "the cap is never passed, entry by entry": f"""
        SELECT batch_id, id, committed, cap_usd FROM (
            SELECT p.batch_id, p.id, b.cap_usd,
                   sum(p.amount_usd) FILTER (WHERE {_COMMITS}) OVER (PARTITION BY p.batch_id ORDER BY p.id) AS committed
            FROM payments AS p JOIN batches AS b ON b.id = p.batch_id
        ) AS history WHERE committed > cap_usd
    """,
    "what is stored of an answer are the bytes that were submitted": """
        SELECT h.batch_id, a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
        LEFT JOIN marketplace.assignments AS m ON m.id = a.marketplace_assignment_id
        LEFT JOIN marketplace.hits AS t ON t.id = m.hit_id
        WHERE m.id IS NULL OR m.hit_id <> h.marketplace_hit_id
           OR (t.purged_at IS NULL AND a.raw_answer IS DISTINCT FROM convert_to(m.answer, 'UTF8'))
    """,
    "an answer that was read has its Responses": """
        SELECT h.batch_id, a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_items AS i ON i.hit_id = h.id
        WHERE a.answer_state = 'parsed'
          AND NOT EXISTS (SELECT 1 FROM responses AS r WHERE r.item_id = i.item_id AND r.worker_id = a.worker_id)
    """,
    "nothing is paid that the marketplace did not take": f"""
        SELECT h.batch_id, a.id, paid.usd, taken.usd FROM ({_PAID}) AS paid JOIN assignments AS a ON a.id = paid.assignment_id
        JOIN hits AS h ON h.id = a.hit_id LEFT JOIN ({_TAKEN}) AS taken ON taken.assignment_id = a.marketplace_assignment_id
        WHERE paid.usd > coalesce(taken.usd, 0)
    """,
}

# Once the ordinary jobs have nothing left to do.
AT_REST = {
    "every HIT on the marketplace is known as live or done": """
        SELECT split_part(split_part(m.requester_annotation, 'batch=', 2), ' ', 1)::bigint, m.id, h.status
        FROM marketplace.hits AS m LEFT JOIN hits AS h ON h.marketplace_hit_id = m.id
        WHERE m.requester_annotation LIKE 'label-jury batch=%' AND coalesce(h.status, '') NOT IN ('live', 'done')
    """,
    "every HIT that is live or done has its HIT on the marketplace": """
        SELECT batch_id, id, status FROM hits WHERE status IN ('live', 'done') AND marketplace_hit_id IS NULL
    """,
    "no answer is missing, and each stands as the marketplace has it": """
        SELECT h.batch_id, m.id, m.status, a.status FROM marketplace.assignments AS m
        JOIN hits AS h ON h.marketplace_hit_id = m.hit_id LEFT JOIN assignments AS a ON a.marketplace_assignment_id = m.id
        WHERE m.status IN ('Submitted', 'Approved', 'Rejected')
          AND (a.id IS NULL OR a.hit_id <> h.id OR a.status <> lower(m.status))
    """,
    "no answer is left unread": """
        SELECT h.batch_id, a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id WHERE a.answer_state = 'raw'
    """,
    "rejected work does not count, and what an Assignment counts its Responses count": """
        SELECT h.batch_id, a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
        WHERE (a.status = 'rejected' AND a.counted)
           OR (NOT a.counted AND EXISTS (SELECT 1 FROM responses AS r WHERE r.assignment_id = a.id AND r.counted))
    """,
    "what the marketplace took for an Assignment is what the ledger paid": f"""
        SELECT coalesce(h.batch_id, 0), m.id, taken.usd, paid.usd FROM marketplace.assignments AS m
        LEFT JOIN ({_TAKEN}) AS taken ON taken.assignment_id = m.id
        LEFT JOIN hits AS h ON h.marketplace_hit_id = m.hit_id
        LEFT JOIN assignments AS a ON a.marketplace_assignment_id = m.id LEFT JOIN ({_PAID}) AS paid ON paid.assignment_id = a.id
        WHERE coalesce(taken.usd, 0) <> coalesce(paid.usd, 0)
    """,
    "what left the Requester's account is the ledger's sum": """
        SELECT 0, taken, paid FROM (
            SELECT (SELECT -coalesce(sum(available_delta_usd + on_hold_delta_usd), 0) FROM marketplace.transactions
                    WHERE kind <> 'deposit') AS taken,
                   (SELECT coalesce(sum(amount_usd), 0) FROM payments WHERE status = 'paid') AS paid
        ) AS sums WHERE taken <> paid
    """,
    "every bonus on the marketplace is one of ours": """
        SELECT coalesce(h.batch_id, 0), b.seq FROM marketplace.bonus_payments AS b
        LEFT JOIN hits AS h ON h.marketplace_hit_id = b.hit_id
        LEFT JOIN assignments AS a ON a.marketplace_assignment_id = b.assignment_id
        WHERE NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.assignment_id = a.id AND p.kind = 'bonus' AND p.status = 'paid'
                          AND p.amount_usd = b.amount_usd)
    """,
    "what a HIT has reserved and not spent is what the marketplace holds for it": """
        SELECT h.batch_id, h.id, kept.usd, m.reserved_slots * (m.reward_usd + m.fee_usd)
        FROM hits AS h JOIN marketplace.hits AS m ON m.id = h.marketplace_hit_id
        JOIN LATERAL (
            SELECT coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')), 0)
                 - coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reward', 'fee') AND status = 'paid'), 0) AS usd
            FROM payments AS p WHERE p.hit_id = h.id
        ) AS kept ON true
        WHERE kept.usd <> m.reserved_slots * (m.reward_usd + m.fee_usd)
          AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.hit_id = h.id AND o.kind = 'extend' AND o.status = 'failed')
    """,
    "a HIT that was never published has nothing reserved": """
        SELECT p.batch_id, p.hit_id, sum(p.amount_usd) FROM payments AS p JOIN hits AS h ON h.id = p.hit_id
        WHERE h.status = 'cancelled' GROUP BY p.batch_id, p.hit_id HAVING sum(p.amount_usd) <> 0
    """,
    "a Batch that is over has committed exactly what it paid, and owes nothing": f"""
        SELECT b.id, sum(p.amount_usd) FILTER (WHERE {_COMMITS}), sum(p.amount_usd) FILTER (WHERE p.status = 'paid')
        FROM batches AS b JOIN payments AS p ON p.batch_id = b.id WHERE b.status IN ('done', 'stopped') GROUP BY b.id
        HAVING coalesce(sum(p.amount_usd) FILTER (WHERE {_COMMITS}), 0)
            <> coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'paid'), 0) OR count(*) FILTER (WHERE p.status = 'owed') > 0
    """,
    "a Batch that is over has no HIT and no call left open": """
        SELECT b.id, h.status, NULL FROM batches AS b JOIN hits AS h ON h.batch_id = b.id
        WHERE b.status IN ('done', 'stopped') AND h.status NOT IN ('done', 'cancelled')
        UNION ALL
        SELECT b.id, o.kind, o.status FROM batches AS b JOIN operations AS o ON o.batch_id = b.id
        WHERE b.status IN ('done', 'stopped') AND o.status IN ('intended', 'acting')
    """,
    "every Item of a Batch that is over is settled": """
        SELECT b.id, i.id, c.status FROM batches AS b JOIN items AS i ON i.batch_id = b.id
        LEFT JOIN consensus AS c ON c.item_id = i.id
        WHERE b.status = 'done' AND (i.consensus_stale OR c.status IS DISTINCT FROM 'settled')
    """,
    "a Consensus counts the Responses that count": """
        SELECT i.batch_id, i.id, c.response_count, c.cannot_tell_count FROM items AS i JOIN consensus AS c ON c.item_id = i.id
        LEFT JOIN responses AS r ON r.item_id = i.id AND r.counted WHERE NOT i.consensus_stale
        GROUP BY i.id, c.item_id, c.method
        HAVING c.given_count <> count(*) FILTER (WHERE r.option = 'given')
            OR c.guessed_count <> count(*) FILTER (WHERE r.option = 'guessed')
            OR c.both_count <> count(*) FILTER (WHERE r.option = 'both')
            OR c.neither_count <> count(*) FILTER (WHERE r.option = 'neither')
            OR c.cannot_tell_count <> count(*) FILTER (WHERE r.cannot_tell)
    """,
    "a HIT offers what it offers on the marketplace": """
        SELECT h.batch_id, h.id, h.max_assignments, m.max_assignments
        FROM hits AS h JOIN marketplace.hits AS m ON m.id = h.marketplace_hit_id WHERE h.max_assignments <> m.max_assignments
    """,
    "a Batch's planned Items are those that have a HIT": """
        SELECT b.id, b.planned_items, count(DISTINCT hi.item_id) FROM batches AS b LEFT JOIN items AS i ON i.batch_id = b.id
        LEFT JOIN hit_items AS hi ON hi.item_id = i.id GROUP BY b.id HAVING b.planned_items <> count(DISTINCT hi.item_id)
    """,
}

_WATCH_CAPS = f"""
    CREATE TABLE IF NOT EXISTS cap_breaches (batch_id bigint, committed numeric, cap numeric);
    CREATE OR REPLACE FUNCTION note_cap_breach() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO cap_breaches
        SELECT b.id, sum(p.amount_usd), b.cap_usd FROM payments AS p JOIN batches AS b ON b.id = p.batch_id
        WHERE b.id = NEW.batch_id AND {_COMMITS} GROUP BY b.id HAVING sum(p.amount_usd) > b.cap_usd;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER watch_cap AFTER INSERT OR UPDATE ON payments
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_cap_breach();
"""


def watch_caps(database: Database) -> None:
    """From here on every commit that leaves a Batch above its cap is noted, however soon it is mended."""
    with database.transaction() as db:
        db.execute(text(_WATCH_CAPS))


def broken_promises(db: Session, *, at_rest: bool = True) -> list[tuple[int, str]]:
    """What is broken, each with the number of its Batch (0: of none); empty when all is well.

    at_rest: the ordinary jobs have nothing left to do, so that what is still open is lost.
    """
    rules = {**ALWAYS, **AT_REST} if at_rest else ALWAYS
    broken = [
        (int(row[0]), f"{rule}: {tuple(row[1:])}") for rule, sql in rules.items() for row in db.execute(text(sql))
    ]
    ledger = ledger_rules.broken_rules(db, grace_s=0) if at_rest else []
    broken += [(one.batch_id, f"of the ledger, {one.rule}: {one.details}") for one in ledger]
    return [*broken, *_breaches(db), *_of_the_marketplace(db)]


def _breaches(db: Session) -> Iterator[tuple[int, str]]:
    if db.execute(text("SELECT to_regclass('cap_breaches') IS NOT NULL")).scalar_one():
        for batch_id, committed, cap in db.execute(text("SELECT * FROM cap_breaches")):
            yield batch_id, f"the cap is never passed, commit by commit: ${committed} of ${cap}"


def _of_the_marketplace(db: Session) -> Iterator[tuple[int, str]]:
    driver: psycopg.Connection[object] = db.connection().connection.driver_connection  # type: ignore[assignment] # psycopg's
    for rule, sql in marketplace_invariants.RULES.items():
        if rows := driver.execute(sql).fetchmany(5):
            yield 0, f"on the marketplace {rule}: {rows}"
