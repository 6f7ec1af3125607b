"""The ledger's rules, each as a statement that lists the entries that break it. Nothing here changes anything.

A rule that relates what a call did to what the ledger says holds only once both are written: what changed less than
`grace_s` seconds ago, or waits for a call, is left out.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.fees import fee_sql, price_sql
from app.domain.vocabulary import BatchId

# Each statement yields batch_id, subject (what breaks the rule, in one word and a number) and details (what is wrong).
# :batch_id NULL means all Batches.

_CAP_KEPT = """
    SELECT b.id AS batch_id, 'batch ' || b.id AS subject,
           '$' || m.committed || ' are reserved or spent and the cap is $' || coalesce(b.cap_usd, 0) AS details
    FROM batches AS b JOIN LATERAL (
        SELECT coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')
            OR (p.kind IN ('bonus', 'bonus_fee') AND p.status <> 'cancelled')), 0) AS committed
        FROM payments AS p WHERE p.batch_id = b.id) AS m ON true
    WHERE (CAST(:batch_id AS bigint) IS NULL OR b.id = :batch_id) AND m.committed > coalesce(b.cap_usd, 0)
"""
# What each HIT holds (reserved and not released) and has spent; the other rules about HITs start from here.
_HITS = """
    WITH sums AS (
        SELECT p.hit_id, p.batch_id,
               coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')), 0) AS held,
               coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reward', 'fee') AND p.status <> 'cancelled'), 0) AS spent
        FROM payments AS p WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id)
        GROUP BY p.hit_id, p.batch_id
    )
"""
_HIT_WITHIN_ITS_RESERVATION = (
    _HITS
    + """
    SELECT batch_id, 'hit ' || hit_id AS subject,
           'HIT ' || hit_id || ' holds $' || held || ' and $' || spent || ' are owed or paid out of it' AS details
    FROM sums WHERE spent > held
"""
)
_CLOSED_HIT_HOLDS_NOTHING = (
    _HITS
    + """
    SELECT s.batch_id, 'hit ' || s.hit_id AS subject,
           'HIT ' || s.hit_id || ' is ' || h.status || ' and still holds $' || s.held - s.spent AS details
    FROM sums AS s JOIN hits AS h ON h.id = s.hit_id
    WHERE h.status IN ('done', 'cancelled') AND s.held > s.spent
      -- Something about it is still to be done, and its money waits for that.
      AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.hit_id = h.id
                      AND o.kind IN ('extend', 'reject', 'override', 'approve') AND o.status IN ('intended', 'acting', 'failed'))
"""
)
# A rejected Assignment costs nothing, so its place may have been given back; all other places are held.
_EVERY_PLACE_IS_RESERVED = (
    _HITS
    + f"""
    SELECT s.batch_id, 'hit ' || s.hit_id AS subject,
           'HIT ' || s.hit_id || ' offers ' || h.max_assignments || ' places and holds $' || s.held AS details
    FROM sums AS s JOIN hits AS h ON h.id = s.hit_id JOIN hit_groups AS g ON g.id = h.group_id
    WHERE h.status IN ('planned', 'publishing', 'live')
      AND s.held < {price_sql("g.reward_usd", "g.masters")}
          * (h.max_assignments - (SELECT count(*) FROM assignments AS a WHERE a.hit_id = h.id AND a.status = 'rejected'))
"""
)
_EVERY_HIT_HAS_ITS_RESERVATION = """
    SELECT h.batch_id, 'hit ' || h.id AS subject, 'HIT ' || h.id || ' was planned without a reservation' AS details
    FROM hits AS h WHERE (CAST(:batch_id AS bigint) IS NULL OR h.batch_id = :batch_id)
      AND NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.hit_id = h.id AND p.kind = 'reservation')
"""
_APPROVED_WORK_IS_PAID = """
    SELECT h.batch_id, 'assignment ' || a.id AS subject,
           'Assignment ' || a.marketplace_assignment_id || ' is approved and its reward or fee is not booked as paid' AS details
    FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
    WHERE (CAST(:batch_id AS bigint) IS NULL OR h.batch_id = :batch_id)
      AND a.status = 'approved' AND coalesce(a.decided_at, a.collected_at) <= now() - make_interval(secs => :grace_s)
      AND 2 <> (SELECT count(*) FROM payments AS p
                WHERE p.assignment_id = a.id AND p.kind IN ('reward', 'fee') AND p.status = 'paid')
"""
_ONLY_APPROVED_WORK_IS_PAID = """
    SELECT p.batch_id, 'payment ' || p.id AS subject,
           'the ' || p.kind || ' of Assignment ' || a.marketplace_assignment_id || ' is ' || p.status
               || ' and the Assignment is ' || a.status AS details
    FROM payments AS p JOIN assignments AS a ON a.id = p.assignment_id
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id) AND p.kind IN ('reward', 'fee')
      AND ((p.status = 'paid' AND a.status <> 'approved')
           -- Owed for rejected work: only while the rejection is being taken back.
           OR (p.status = 'owed' AND a.status = 'rejected'
               AND a.decided_at <= now() - make_interval(secs => :grace_s)
               AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.assignment_id = a.id AND o.kind IN ('override', 'approve')
                               AND o.status IN ('intended', 'acting', 'failed'))))
"""
_REWARDS_AND_FEES_ARE_EXACT = f"""
    SELECT p.batch_id, 'payment ' || p.id AS subject,
           'the ' || p.kind || ' of Assignment ' || a.marketplace_assignment_id || ' is $' || p.amount_usd
               || ' and should be $' || due.amount_usd AS details
    FROM payments AS p JOIN assignments AS a ON a.id = p.assignment_id JOIN hits AS h ON h.id = a.hit_id
    JOIN hit_groups AS g ON g.id = h.group_id
    CROSS JOIN LATERAL (SELECT CASE p.kind WHEN 'reward' THEN g.reward_usd
        ELSE {fee_sql("g.reward_usd", "g.masters")} END AS amount_usd) AS due
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id)
      AND p.kind IN ('reward', 'fee') AND p.amount_usd <> due.amount_usd
"""
_REWARD_AND_FEE_GO_TOGETHER = """
    SELECT p.batch_id, 'assignment ' || p.assignment_id AS subject,
           'the reward and the fee of Assignment ' || p.assignment_id || ' do not have the same status' AS details
    FROM payments AS p
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id) AND p.kind IN ('reward', 'fee')
    GROUP BY p.batch_id, p.assignment_id HAVING count(*) <> 2 OR count(DISTINCT p.status) <> 1
"""
_BONUS_AND_FEE_GO_TOGETHER = f"""
    SELECT p.batch_id, 'operation ' || p.operation_id AS subject,
           'the bonus of operation ' || p.operation_id || ' and its fee (20 %, at least a cent) do not fit together' AS details
    FROM payments AS p
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id) AND p.kind IN ('bonus', 'bonus_fee')
    GROUP BY p.batch_id, p.operation_id
    HAVING count(*) <> 2 OR count(DISTINCT p.status) <> 1
        OR {fee_sql("sum(p.amount_usd) FILTER (WHERE p.kind = 'bonus')", "false")}
           IS DISTINCT FROM sum(p.amount_usd) FILTER (WHERE p.kind = 'bonus_fee')
"""
_BONUS_FOLLOWS_ITS_OPERATION = """
    SELECT p.batch_id, 'operation ' || o.id AS subject,
           'the bonus of operation ' || o.id || ' is ' || p.status || ' and the operation is ' || o.status AS details
    FROM payments AS p JOIN operations AS o ON o.id = p.operation_id
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id) AND p.kind = 'bonus'
      AND p.status <> CASE o.status WHEN 'done' THEN 'paid' WHEN 'cancelled' THEN 'cancelled' ELSE 'owed' END
"""
_BONUS_IS_ITS_OPERATIONS = """
    SELECT o.batch_id, 'operation ' || o.id AS subject,
           'the bonus of operation ' || o.id || ' is not in the ledger with the amount that it was meant to have' AS details
    FROM operations AS o
    WHERE (CAST(:batch_id AS bigint) IS NULL OR o.batch_id = :batch_id) AND o.kind = 'bonus'
      AND NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.operation_id = o.id AND p.kind = 'bonus'
                      AND p.amount_usd = CAST(o.arguments ->> 'amount_usd' AS numeric))
"""
_PAID_HAS_ITS_TIME = """
    SELECT p.batch_id, 'payment ' || p.id AS subject,
           'payment ' || p.id || ' is ' || p.status || CASE WHEN p.paid_at IS NULL THEN ' without' ELSE ' with' END
               || ' a time of payment' AS details
    FROM payments AS p
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id) AND (p.status = 'paid') <> (p.paid_at IS NOT NULL)
"""
_BOOKED_ARE_RESERVATIONS = """
    SELECT p.batch_id, 'payment ' || p.id AS subject, 'a ' || p.kind || ' is ' || p.status AS details
    FROM payments AS p
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id)
      AND (p.status = 'booked') <> (p.kind IN ('reservation', 'release'))
"""
_ENTRY_IS_AT_HOME = """
    SELECT p.batch_id, 'payment ' || p.id AS subject,
           'payment ' || p.id || ' does not belong to the HIT or the Batch that it names' AS details
    FROM payments AS p JOIN hits AS h ON h.id = p.hit_id
    LEFT JOIN assignments AS a ON a.id = p.assignment_id LEFT JOIN operations AS o ON o.id = p.operation_id
    WHERE (CAST(:batch_id AS bigint) IS NULL OR p.batch_id = :batch_id)
      AND (h.batch_id <> p.batch_id OR a.hit_id <> p.hit_id OR o.hit_id <> p.hit_id)
"""
_ENDED_BATCH_HOLDS_NOTHING = """
    SELECT b.id AS batch_id, 'batch ' || b.id AS subject,
           'Batch ' || b.id || ' is ' || b.status || '; $' || m.committed || ' are committed and $' || m.paid || ' paid'
               AS details
    FROM batches AS b JOIN LATERAL (
        SELECT coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')
                   -- A bonus may come after the end, and is owed until it is sent.
                   OR (p.kind IN ('bonus', 'bonus_fee') AND p.status = 'paid')), 0) AS committed,
               coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'paid'), 0) AS paid
        FROM payments AS p WHERE p.batch_id = b.id) AS m ON true
    WHERE (CAST(:batch_id AS bigint) IS NULL OR b.id = :batch_id) AND b.status IN ('done', 'stopped')
      AND m.committed <> m.paid
      AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.batch_id = b.id
                      AND o.kind IN ('override', 'extend') AND o.status IN ('intended', 'acting', 'failed'))
      -- A compensation may be offered after the end, and its money is held until it is taken or expires.
      AND NOT EXISTS (SELECT 1 FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
                      WHERE h.batch_id = b.id AND g.purpose = 'compensation' AND h.status IN ('planned', 'publishing', 'live'))
"""

RULES = {
    "cap_kept": _CAP_KEPT,
    "hit_within_its_reservation": _HIT_WITHIN_ITS_RESERVATION,
    "closed_hit_holds_nothing": _CLOSED_HIT_HOLDS_NOTHING,
    "every_place_is_reserved": _EVERY_PLACE_IS_RESERVED,
    "every_hit_has_its_reservation": _EVERY_HIT_HAS_ITS_RESERVATION,
    "approved_work_is_paid": _APPROVED_WORK_IS_PAID,
    "only_approved_work_is_paid": _ONLY_APPROVED_WORK_IS_PAID,
    "rewards_and_fees_are_exact": _REWARDS_AND_FEES_ARE_EXACT,
    "reward_and_fee_go_together": _REWARD_AND_FEE_GO_TOGETHER,
    "bonus_and_fee_go_together": _BONUS_AND_FEE_GO_TOGETHER,
    "bonus_follows_its_operation": _BONUS_FOLLOWS_ITS_OPERATION,
    "bonus_is_its_operations": _BONUS_IS_ITS_OPERATIONS,
    "paid_has_its_time": _PAID_HAS_ITS_TIME,
    "booked_are_reservations": _BOOKED_ARE_RESERVATIONS,
    "entry_is_at_home": _ENTRY_IS_AT_HOME,
    "ended_batch_holds_nothing": _ENDED_BATCH_HOLDS_NOTHING,
}
# Offenders named per rule: a thousand of one kind say no more than these.
MOST = 100
GRACE_S = 600.0


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """An entry, or what it belongs to, that breaks a rule of the ledger. `details`: a sentence about it."""

    rule: str
    batch_id: BatchId
    subject: str
    details: str


def broken_rules(db: Session, batch_id: BatchId | None = None, *, grace_s: float = GRACE_S) -> list[BrokenRule]:
    """What breaks a rule, of one Batch or of all; at most MOST of each rule. Empty when the ledger is right.

    grace_s: decisions younger than this may wait for their payment; 0 where nothing is running.
    """
    return [
        BrokenRule(rule, BatchId(row.batch_id), str(row.subject), str(row.details))
        for rule, statement in RULES.items()
        for row in db.execute(
            text(f"SELECT * FROM ({statement}) AS broken ORDER BY batch_id, subject LIMIT :most"),
            {"batch_id": batch_id, "most": MOST, "grace_s": grace_s},
        )
    ]
