"""What must hold in a marketplace's database at any quiet moment, whoever did what before."""

import psycopg

# Each gives the rows that break the rule.
RULES = {
    "a HIT's counters are its Assignments": """
        SELECT h.id FROM marketplace.hits h LEFT JOIN marketplace.assignments a ON a.hit_id = h.id
        GROUP BY h.id
        HAVING h.pending <> count(*) FILTER (WHERE a.status = 'Pending')
            OR h.submitted <> count(*) FILTER (WHERE a.status = 'Submitted')
            OR h.approved <> count(*) FILTER (WHERE a.status = 'Approved')
            OR h.rejected <> count(*) FILTER (WHERE a.status = 'Rejected')
            OR h.pending + h.submitted + h.approved + h.rejected > h.max_assignments
    """,
    "a Requester's balances are the sums of the transactions": """
        SELECT r.id FROM marketplace.requesters r LEFT JOIN marketplace.transactions t ON t.requester_id = r.id
        GROUP BY r.id
        HAVING r.available_usd <> coalesce(sum(t.available_delta_usd), 0)
            OR r.on_hold_usd <> coalesce(sum(t.on_hold_delta_usd), 0)
    """,
    "what is on hold is what HITs have reserved": """
        SELECT r.id FROM marketplace.requesters r LEFT JOIN marketplace.hits h ON h.requester_id = r.id
        GROUP BY r.id
        HAVING r.on_hold_usd <> coalesce(sum(h.reserved_slots * (h.reward_usd + h.fee_usd)), 0)
    """,
    "a HIT never reserves less than its undecided work, and nothing once disposed": """
        SELECT id FROM marketplace.hits
        WHERE CASE WHEN status = 'Disposed' THEN reserved_slots <> 0 ELSE reserved_slots < pending + submitted END
    """,
    "approved work, and only that, is paid, once": """
        SELECT a.id FROM marketplace.assignments a
        LEFT JOIN marketplace.transactions t ON t.assignment_id = a.id AND t.kind = 'reward'
        GROUP BY a.id HAVING count(t.id) <> CASE WHEN a.status = 'Approved' THEN 1 ELSE 0 END
    """,
    "every Bonus is paid, once": """
        SELECT b.requester_id FROM (
            SELECT requester_id, sum(amount_usd) AS owed FROM marketplace.bonus_payments GROUP BY 1
        ) b FULL JOIN (
            SELECT requester_id, -sum(available_delta_usd) AS paid FROM marketplace.transactions
            WHERE kind = 'bonus' GROUP BY 1
        ) t USING (requester_id)
        WHERE coalesce(owed, 0) <> coalesce(paid, 0)
    """,
    "work is one Requester's, and so is what was paid for it": """
        SELECT t.id FROM marketplace.transactions t JOIN marketplace.hits h ON h.id = t.hit_id
        WHERE t.requester_id <> h.requester_id
        UNION ALL
        SELECT h.id::bigint FROM (SELECT 0 AS id FROM marketplace.hits h JOIN marketplace.hit_types y
            ON y.id = h.hit_type_id WHERE y.requester_id <> h.requester_id) h
        UNION ALL
        SELECT b.seq FROM marketplace.bonus_payments b JOIN marketplace.assignments a ON a.id = b.assignment_id
            JOIN marketplace.hits h ON h.id = a.hit_id
        WHERE b.requester_id <> h.requester_id OR b.hit_id <> h.id OR b.worker_id <> a.worker_id
    """,
    "a status says what its times say": """
        SELECT id FROM marketplace.assignments
        WHERE (status IN ('Submitted', 'Approved', 'Rejected')) <> (submitted_at IS NOT NULL)
            OR (status = 'Approved') <> (approved_at IS NOT NULL)
            OR (status = 'Rejected' AND rejected_at IS NULL)
    """,
    "nothing hangs in the air": """
        SELECT q.worker_id FROM marketplace.qualifications q LEFT JOIN marketplace.qualification_types t
            ON t.id = q.qualification_type_id
        WHERE t.id IS NULL AND q.qualification_type_id !~ '^(2F1QJWKUDD8XADTFD2Q0G6UTO95ALH|2ARFPLSP75KLA8M8DH1HTEQVJT3SY6)$'
        UNION ALL
        SELECT t.hit_id FROM marketplace.transactions t LEFT JOIN marketplace.hits h ON h.id = t.hit_id
        WHERE t.hit_id IS NOT NULL AND h.id IS NULL
    """,
}


def broken_rules(database_url: str) -> dict[str, list[object]]:
    """The rules that do not hold, each with some of the rows that break it; empty when all is well."""
    with psycopg.connect(database_url) as connection:
        found = {rule: connection.execute(sql).fetchmany(5) for rule, sql in RULES.items()}
    return {rule: list(rows) for rule, rows in found.items() if rows}
