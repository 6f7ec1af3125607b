"""MTurk's results sheet, out and in again: reviewed in a spreadsheet as Requesters have done for twenty years.

Out: one line an Assignment, under the header of MTurk's own batch results. In: `x` under Approve, or a reason under Reject,
by AssignmentId; whatever else the sheet holds is not read. Source of header and order: batch results files of 2013 to 2020
in public repositories, and the Requester UI guide's "Reviewing Assignments Offline".
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger
from app.db.copying import copy_out
from app.db.decisions import Decided, Found, record_decisions, standings
from app.db.sheets import Faults, SheetRow, read_sheet
from app.db.tables import Batch
from app.domain.decision_rows import NEEDED, DecisionRow, read_row
from app.domain.decisions import Ruling, obstacle
from app.domain.vocabulary import AssignmentId, AssignmentStatus, BatchId, OperationKind
from app.errors import NotFound, Problem

# --- out -------------------------------------------------------------------------------------------------------------

# As MTurk writes it: Fri Sep 06 20:54:21 GMT 2013. Theirs is in Pacific time; ours in UTC, and says so.
_TIME = """to_char({0} AT TIME ZONE 'UTC', 'Dy Mon DD HH24:MI:SS "UTC" YYYY')"""
_WORKER = {False: "w.pseudonym", True: "w.marketplace_worker_id"}
# What each position of a HIT shows, and what its Worker answered there: column → expression.
_INPUTS = {
    "Input.id": "i.external_id",
    "Input.media": "coalesce(i.media_url, i.text, '/media/' || i.media_token)",
    "Input.given_label": "i.given_label",
    "Input.guessed_label": "i.guessed_label",
    "Input.role": "i.role",
}
_ANSWERS = {
    "Answer.response": "coalesce(r.option, 'cannot_tell')",
    "Answer.comment": "r.comment",
    "Answer.order_shown": "array_to_string(r.order_shown, '|')",
    "Answer.elapsed_ms": "CAST(r.elapsed_ms AS text)",
}

_RESULTS = """
    WITH workers_here AS (
        SELECT DISTINCT a.worker_id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id WHERE h.batch_id = %(batch_id)s
    ), rates AS (
        -- What this installation decided on their work, in all Batches of the marketplace.
        SELECT a.worker_id,
               count(*) FILTER (WHERE a.status = 'approved') AS approved, count(*) AS decided,
               count(*) FILTER (WHERE a.status = 'approved' AND a.decided_at > now() - interval '30 days') AS approved_30,
               count(*) FILTER (WHERE a.decided_at > now() - interval '30 days') AS decided_30,
               count(*) FILTER (WHERE a.status = 'approved' AND a.decided_at > now() - interval '7 days') AS approved_7,
               count(*) FILTER (WHERE a.decided_at > now() - interval '7 days') AS decided_7
        FROM assignments AS a JOIN workers_here USING (worker_id) WHERE a.status <> 'submitted' GROUP BY a.worker_id
    )
    SELECT h.marketplace_hit_id AS "HITId", g.hit_type_id AS "HITTypeId", b.title AS "Title",
           b.description AS "Description", b.keywords AS "Keywords", '$' || g.reward_usd AS "Reward",
           {created_at} AS "CreationTime", h.max_assignments AS "MaxAssignments", h.annotation AS "RequesterAnnotation",
           b.assignment_duration_s AS "AssignmentDurationInSeconds",
           b.auto_approval_delay_s AS "AutoApprovalDelayInSeconds", {expires_at} AS "Expiration",
           '' AS "NumberOfSimilarHITs", '' AS "LifetimeInSeconds",
           a.marketplace_assignment_id AS "AssignmentId", {worker} AS "WorkerId",
           a.marketplace_status AS "AssignmentStatus", {accepted_at} AS "AcceptTime", {submitted_at} AS "SubmitTime",
           {auto_approval_at} AS "AutoApprovalTime",
           CASE WHEN a.status = 'approved' THEN {decided_at} END AS "ApprovalTime",
           CASE WHEN a.status = 'rejected' THEN {decided_at} END AS "RejectionTime",
           (SELECT o.arguments ->> 'feedback' FROM operations AS o
            WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject', 'override') AND o.status = 'done'
            ORDER BY o.finished_at DESC LIMIT 1) AS "RequesterFeedback",
           CAST(extract(epoch FROM a.submitted_at - a.accepted_at) AS bigint) AS "WorkTimeInSeconds",
           {rates}, {inputs}, {answers}, '' AS "Approve", '' AS "Reject"
    FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id JOIN batches AS b ON b.id = h.batch_id
    JOIN assignments AS a ON a.hit_id = h.id JOIN workers AS w ON w.id = a.worker_id
    LEFT JOIN rates ON rates.worker_id = a.worker_id
    LEFT JOIN LATERAL (
        SELECT {shown} FROM hit_items AS hi JOIN items AS i ON i.id = hi.item_id WHERE hi.hit_id = h.id
    ) AS shown ON true
    LEFT JOIN LATERAL (SELECT {said} FROM responses AS r WHERE r.assignment_id = a.id) AS said ON true
    WHERE h.batch_id = %(batch_id)s AND g.purpose = 'items'
    ORDER BY h.id, a.id
"""


def results_csv(db: Session, batch_id: BatchId, *, worker_ids: bool = False) -> Generator[bytes, None, None]:
    """MTurk's batch results, streamed: one line an Assignment, decided or not. Raises NotFound at once.

    worker_ids: the marketplace's ids instead of pseudonyms, for who may see them. HITs of several Items have their columns
    with the position: `Input.id_2`, `Answer.response_2`. Compensations are left out: there is nothing to decide on them.
    """
    places = _places(db, batch_id)
    times = {"created_at": "h.published_at", "expires_at": "h.expires_at", "decided_at": "a.decided_at"}
    times |= {name: f"a.{name}" for name in ("accepted_at", "submitted_at", "auto_approval_at")}
    query = _RESULTS.format(
        worker=_WORKER[worker_ids],
        rates=", ".join(_rates()),
        inputs=", ".join(f'shown."{name}"' for name, *_ in _columns(_INPUTS, places)),
        answers=", ".join(f'said."{name}"' for name, *_ in _columns(_ANSWERS, places)),
        shown=_by_position(_INPUTS, places, "hi.position"),
        said=_by_position(_ANSWERS, places, "r.position"),
        **{name: _TIME.format(column) for name, column in times.items()},
    )
    return copy_out(db, query, {"batch_id": batch_id}, quote_all=True)


def result_rows(db: Session, batch_id: BatchId) -> int:
    """How many lines `results_csv` has, the header not counted."""
    statement = text("""
        SELECT count(*) FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
        WHERE h.batch_id = :id AND g.purpose = 'items'
    """)
    return int(db.execute(statement, {"id": batch_id}).scalar_one())


def _places(db: Session, batch_id: BatchId) -> int:
    """How many Items the largest HIT shows. Raises NotFound."""
    if db.get(Batch, batch_id) is None:
        raise NotFound("Batch", batch_id)
    statement = "SELECT max(hi.position) FROM hit_items AS hi JOIN hits AS h ON h.id = hi.hit_id WHERE h.batch_id = :id"
    return int(db.execute(text(statement), {"id": batch_id}).scalar() or 1)


def _columns(named: dict[str, str], places: int) -> Iterator[tuple[str, int, str]]:
    """Name, position and expression of each column; one Item a HIT needs no numbers."""
    for position in range(1, places + 1):
        for name, expression in named.items():
            yield (name if places == 1 else f"{name}_{position}"), position, expression


def _by_position(named: dict[str, str], places: int, column: str) -> str:
    return ", ".join(
        f'max({expression}) FILTER (WHERE {column} = {position}) AS "{name}"'
        for name, position, expression in _columns(named, places)
    )


def _rates() -> Iterator[str]:
    for name, suffix in (("Lifetime", ""), ("Last30Days", "_30"), ("Last7Days", "_7")):
        approved, decided = f"coalesce(rates.approved{suffix}, 0)", f"coalesce(rates.decided{suffix}, 0)"
        share = f"coalesce(round(100.0 * {approved} / nullif({decided}, 0)), 0)"
        # Doubled, since the query's values are written with percent signs.
        yield f"""{share} || '%% (' || {approved} || '/' || {decided} || ')' AS "{name}ApprovalRate\""""


# --- in --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SheetDecisions:
    """What a reviewed sheet decides. `known`: rows that say what is so already; `faults`: what cannot be done."""

    decided: Sequence[Decided]
    known: Sequence[Problem]
    faults: Faults = field(default_factory=Faults)

    def count(self, ruling: Ruling) -> int:
        """How many rows decide so."""
        return sum(1 for one in self.decided if one.ruling is ruling)


def read_decisions(db: Session, batch_id: BatchId, content: bytes, *, now: datetime) -> SheetDecisions:
    """What a reviewed results sheet decides; every row that cannot be done is named by its line.

    An `x` on rejected work takes the rejection back, as in MTurk's own console. Raises NotFound, InvalidInput for a file
    that is no such sheet.
    """
    # Before its Assignments, as everybody else: whoever carries out decisions holds it and waits for these.
    ledger.locked_batch(db, batch_id)
    faults = Faults()
    rows = _rows(content, faults)
    found = _found(db, batch_id, [row.assignment_id for row in rows])
    decided: dict[AssignmentId, tuple[int, Decided]] = {}
    known: list[Problem] = []
    for row in rows:
        if row.assignment_id not in found:
            fault = f"{row.assignment_id[:64]!r} is not of Batch {batch_id}"
            faults.add(Problem(fault, line=row.line, field="AssignmentId"))
            continue
        assignment_id, there = found[row.assignment_id]
        if assignment_id in decided:
            faults.add(Problem(f"decides the same Assignment as line {decided[assignment_id][0]}", line=row.line))
        elif _is_so(row, there):
            known.append(Problem(f"Assignment {row.assignment_id} is {_word(there)} already", line=row.line))
        elif why := obstacle(there.standing, ruling := _ruling(row, there), now=now):
            faults.add(Problem(f"Assignment {row.assignment_id} {why}", line=row.line))
        else:
            decided[assignment_id] = row.line, Decided(assignment_id, ruling, row.reason)
    return SheetDecisions([one for _, one in decided.values()], known, faults)


def decide(
    db: Session, batch_id: BatchId, sheet: SheetDecisions, *, by: str, now: datetime, skip_faulty: bool = False
) -> None:
    """Record what the sheet decides: all of it or, with any faulty row, nothing. `sheet`: read in this transaction.

    skip_faulty: go on without the rows that are faulty. Raises InvalidInput, Conflict, BudgetExceeded.
    """
    if not skip_faulty:
        sheet.faults.check()
    if sheet.decided:
        record_decisions(db, batch_id, sheet.decided, by=by, now=now)


def _rows(content: bytes, faults: Faults) -> list[DecisionRow]:
    rows = []
    for row in read_sheet(content, needed=NEEDED):
        decision = read_row(row.line, row.values) if isinstance(row, SheetRow) else row
        if isinstance(decision, Problem):
            faults.add(decision)
        elif decision is not None:
            rows.append(decision)
    return rows


def _found(db: Session, batch_id: BatchId, names: Sequence[str]) -> dict[str, tuple[AssignmentId, Found]]:
    """The Batch's Assignments among those named; a compensation is decided by itself."""
    ids = db.scalars(
        text("""
            SELECT a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
            WHERE a.marketplace_assignment_id = ANY(:names) AND h.batch_id = :id AND g.purpose = 'items'
        """),
        {"names": list(names), "id": batch_id},
    ).all()
    there = standings(db, batch_id, [AssignmentId(one) for one in ids])
    return {found.name: (assignment_id, found) for assignment_id, found in there.items()}


def _ruling(row: DecisionRow, found: Found) -> Ruling:
    if not row.approve:
        return Ruling.REJECT
    return Ruling.OVERRIDE if found.standing.status is AssignmentStatus.REJECTED else Ruling.APPROVE


_LEADS_TO = {
    OperationKind.APPROVE: AssignmentStatus.APPROVED,
    OperationKind.OVERRIDE: AssignmentStatus.APPROVED,
    OperationKind.REJECT: AssignmentStatus.REJECTED,
}


def _will_be(found: Found) -> AssignmentStatus:
    """The Assignment's status once the decision that is under way is carried out."""
    under_way = found.standing.under_way
    return _LEADS_TO[under_way] if under_way is not None else found.standing.status


def _is_so(row: DecisionRow, found: Found) -> bool:
    return _will_be(found) is (AssignmentStatus.APPROVED if row.approve else AssignmentStatus.REJECTED)


def _word(found: Found) -> str:
    return f"{'being ' if found.standing.under_way else ''}{_will_be(found)}"
