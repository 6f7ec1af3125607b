"""What exports read: the queries, and what their columns hold where a format has types."""

from sqlalchemy.orm import Session

from app.db.table_streams import Kind
from app.db.tables import Batch
from app.domain.vocabulary import BatchId
from app.errors import NotFound

_MEDIA = "coalesce(i.media_url, i.text, '/media/' || i.media_token)"
_NUMBERS = ("given", "guessed", "both", "neither", "cannot_tell", "responses")

CONSENSUS_KINDS = dict.fromkeys(_NUMBERS, Kind.NUMBER) | {"agreement": Kind.SHARE}
# One line an Item, Responses or not: partial results can be had at any time.
CONSENSUS = f"""
    SELECT i.external_id AS id, i.given_label, i.guessed_label,
           -- While Responses are awaited "no agreement" is not a finding.
           CASE WHEN c.status = 'settled' OR c.option IS NOT NULL THEN c.category END AS category, c.option AS consensus,
           CASE c.option WHEN 'given' THEN i.given_label WHEN 'guessed' THEN i.guessed_label END AS consensus_label,
           coalesce(c.given_count, 0) AS given, coalesce(c.guessed_count, 0) AS guessed,
           coalesce(c.both_count, 0) AS both, coalesce(c.neither_count, 0) AS neither,
           coalesce(c.cannot_tell_count, 0) AS cannot_tell, coalesce(c.response_count, 0) AS responses,
           round(c.agreement::numeric, 3) AS agreement,
           coalesce(c.status, 'open') AS status, %(method)s AS method, i.role, i.media_type,
           {_MEDIA} AS media, b.name AS batch, b.profile, i.extra
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    LEFT JOIN consensus AS c ON c.item_id = i.id AND c.method = %(method)s
    WHERE i.batch_id = %(batch_id)s
    ORDER BY i.id
"""

_PROBABILITIES = ("p_given", "p_guessed", "p_both", "p_neither", "certainty")
COMPUTED_KINDS = CONSENSUS_KINDS | dict.fromkeys(_PROBABILITIES, Kind.SHARE)
# What another method made of the same Responses, for as long as the transaction lasts.
COMPUTED_TABLE = """
    CREATE TEMPORARY TABLE computed_consensus (
        item_id bigint NOT NULL, option text, category text NOT NULL,
        given int NOT NULL, guessed int NOT NULL, both_labels int NOT NULL, neither int NOT NULL,
        p_given float8, p_guessed float8, p_both float8, p_neither float8
    ) ON COMMIT DROP
"""
# Probabilities of an Item without Responses would be the method's prior, not a finding.
COMPUTED = f"""
    SELECT i.external_id AS id, i.given_label, i.guessed_label,
           CASE WHEN n.responses > 0 THEN m.category END AS category, m.option AS consensus,
           CASE m.option WHEN 'given' THEN i.given_label WHEN 'guessed' THEN i.guessed_label END AS consensus_label,
           m.given, m.guessed, m.both_labels AS both, m.neither,
           coalesce(c.cannot_tell_count, 0) AS cannot_tell, n.responses,
           round(greatest(m.given, m.guessed, m.both_labels, m.neither) / nullif(n.responses, 0)::numeric, 3) AS agreement,
           coalesce(c.status, 'open') AS status, %(method)s AS method, i.role, i.media_type,
           {_MEDIA} AS media, b.name AS batch, b.profile, i.extra,
           CASE WHEN n.responses > 0 THEN m.p_given END AS p_given,
           CASE WHEN n.responses > 0 THEN m.p_guessed END AS p_guessed,
           CASE WHEN n.responses > 0 THEN m.p_both END AS p_both,
           CASE WHEN n.responses > 0 THEN m.p_neither END AS p_neither,
           CASE WHEN n.responses > 0 THEN greatest(m.p_given, m.p_guessed, m.p_both, m.p_neither) END AS certainty
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    JOIN computed_consensus AS m ON m.item_id = i.id
    CROSS JOIN LATERAL (SELECT m.given + m.guessed + m.both_labels + m.neither AS responses) AS n
    LEFT JOIN consensus AS c ON c.item_id = i.id AND c.method = 'quorum'
    WHERE i.batch_id = %(batch_id)s
    ORDER BY i.id
"""

RESPONSES_KINDS = {"cannot_tell": Kind.FLAG, "position": Kind.NUMBER, "elapsed_ms": Kind.NUMBER}
RESPONSES = """
    SELECT i.external_id AS id, {worker} AS worker, r.option AS response, {cannot_tell} AS cannot_tell, r.comment,
           array_to_string(r.order_shown, '|') AS order_shown, r.position, r.elapsed_ms,
           h.marketplace_hit_id AS hit_id, a.marketplace_assignment_id AS assignment_id,
           {accepted_at} AS accepted_at, {submitted_at} AS submitted_at, a.status AS assignment_status,
           i.given_label, i.guessed_label, b.name AS batch, b.profile
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    JOIN responses AS r ON r.item_id = i.id
    JOIN assignments AS a ON a.id = r.assignment_id
    JOIN hits AS h ON h.id = a.hit_id
    JOIN workers AS w ON w.id = r.worker_id
    WHERE i.batch_id = %(batch_id)s
    ORDER BY r.item_id, r.assignment_id
"""

LONG_KINDS = {"responses": Kind.NUMBER}
# Responses that count and name an option. responses: how many of an Item stand in the file.
LONG = """
    SELECT i.external_id AS task, {worker} AS worker, {label} AS label,
           count(*) OVER (PARTITION BY r.item_id) AS responses, i.role, b.profile
    FROM items AS i
    JOIN batches AS b ON b.id = i.batch_id
    JOIN responses AS r ON r.item_id = i.id
    JOIN workers AS w ON w.id = r.worker_id
    WHERE i.batch_id = %(batch_id)s AND r.counted AND r.option IN {options}
    ORDER BY r.item_id, r.assignment_id
"""


def batch_of(db: Session, batch_id: BatchId) -> Batch:
    """The Batch. Raises NotFound."""
    found = db.get(Batch, batch_id)
    if found is None:
        raise NotFound("Batch", batch_id)
    return found
