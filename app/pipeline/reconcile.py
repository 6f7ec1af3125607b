"""Our tables against the marketplace, in both directions: what differs is named and kept. Nothing else is changed here.

A comparison of N HITs costs N/100 list calls, one for each HIT whose counters differ, that differed before or (some in turn) that
has work rejected lately, and one for each that is missing; a deep one looks into every HIT, at its work and at its bonuses. The
marketplace is read first and our tables after it, so that what our runners write down meanwhile is no difference
(`domain/differences.py`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger_rules, our_side
from app.db.engine import Database
from app.domain import differences, work_differences
from app.domain.differences import SETTLES_WITHIN, Finding, Matched, OurHIT
from app.domain.progress import HITCounters
from app.domain.vocabulary import BatchId, DifferenceKind, HITId, MarketplaceHITId
from app.domain.work_differences import SeenAssignment, SeenBonus
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester, reviewing
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer, Stopping

log = get_logger(__name__)

CHUNK = 200
# Of a Batch of which the list shows nothing, these many HITs are asked for by name.
ASKED_BY_NAME = 3
# HITs with rejected work that are looked into although nothing about them seems to differ: a call each.
REJECTED_LOOKED_INTO = 200

# Told how many HITs of how many were looked into.
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Money:
    """The account's balance in USD, and how much of what is on hold our live HITs explain."""

    available_usd: Decimal
    on_hold_usd: Decimal | None
    ours_on_hold_usd: Decimal

    @property
    def others_on_hold_usd(self) -> Decimal | None:
        """On hold for HITs that are not ours, as far as the marketplace says what is on hold."""
        return None if self.on_hold_usd is None else self.on_hold_usd - self.ours_on_hold_usd


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one comparison saw. `not_looked_into`: HITs whose work could not be read, with the reason.

    strays: HITs with our annotation that no row is for, and that Workers can still answer.
    """

    batch_id: BatchId | None
    hits_listed: int
    hits_compared: int
    hits_looked_into: int
    not_looked_into: Mapping[HITId, str]
    findings: Sequence[Finding]
    strays: Sequence[HITCounters]
    money: Money | None


@dataclass(frozen=True, slots=True)
class _Looked:
    """One HIT's work and, where they were asked for, its bonuses."""

    assignments: Sequence[SeenAssignment]
    bonuses: Sequence[SeenBonus] | None


def compare(
    database: Database,
    marketplace: Marketplace,
    pacer: Pacer,
    *,
    batch_id: BatchId | None = None,
    deep: bool = False,
    patience: timedelta = SETTLES_WITHIN,
    watch: Watch = lambda done, total: None,
) -> Comparison:
    """Compare all Batches of this endpoint, or one. Raises MarketplaceError where its HITs cannot be listed.

    patience: work and bonuses younger than this may just be on their way; none where nothing of ours is under way.
    """
    seen = list(_listed(marketplace, pacer, batch_id))
    with database.transaction() as db:
        ours = our_side.our_hits(db, marketplace.profile, marketplace.endpoint_url, batch_id)
        matched = _without_old(db, differences.match(seen, ours))
        batches = _numbers(db)
        again, with_bonuses = our_side.open_before(db, marketplace.endpoint_url)
        again |= our_side.lately_rejected(db, most=REJECTED_LOOKED_INTO)
    failed: dict[HITId, str] = {}
    findings = _confirmed(database, marketplace, pacer, matched, batch_id, failed)
    findings += differences.compare_strays(matched, batches)
    findings += _find_missing(marketplace, pacer, ours, [hit.hit_id for hit in seen])
    wanted = {row.id for _, row in matched.pairs if not row.deleted and (deep or row.id in again)}
    wanted |= set(differences.differing(matched))
    suspects = [(hit, row) for hit, row in matched.pairs if row.id in wanted]
    bonuses = wanted if deep else with_bonuses
    for start in range(0, len(suspects), CHUNK):
        looked = _look_at(marketplace, pacer, suspects[start : start + CHUNK], bonuses, failed)
        findings += _compare_work(database, looked, patience)
        watch(min(start + CHUNK, len(suspects)), len(suspects))
    if pacer.stopping.is_set():
        raise Stopping("the job runner is stopping in the middle of a comparison")
    with database.transaction() as db:
        findings += _broken_rules(db, {hit.batch_id for hit in ours})
        ours_on_hold = our_side.on_hold_usd(db, marketplace.profile, marketplace.endpoint_url)
    money = _money(marketplace, pacer, ours_on_hold)
    log.info("marketplace.compared", hits=len(ours), looked_into=len(suspects), differences=len(findings), deep=deep)
    return Comparison(
        batch_id, len(seen), len(ours), len(suspects), failed, findings, differences.strays(matched), money
    )


def _listed(marketplace: Marketplace, pacer: Pacer, batch_id: BatchId | None) -> Iterator[HITCounters]:
    """HITs with an annotation of ours, of one Batch or of all."""
    for hit in requester.list_hits(marketplace, pacer.wait):
        number = differences.batch_of(hit.annotation)
        if number is not None and batch_id in {None, number}:
            yield hit


# --- HITs -------------------------------------------------------------------------------------------------------------


def _confirmed(  # noqa: PLR0917 - what every part of a comparison is given
    database: Database,
    marketplace: Marketplace,
    pacer: Pacer,
    matched: Matched,
    batch_id: BatchId | None,
    failed: dict[HITId, str],
) -> list[Finding]:
    """What differs between a HIT and its row, and still does when both are looked at once more.

    A HIT may have been extended or closed by our runners while the list was being read.
    """
    doubtful = [row for hit, row in matched.pairs if differences.compare_hit(hit, row)]
    ids = {row.id: hit.hit_id for hit, row in matched.pairs}
    seen = []
    for row, outcome in pacer.each(lambda row: requester.get_hit(marketplace, ids[row.id]), doubtful, urgent=False):
        if isinstance(outcome, HITCounters):
            seen.append(outcome)
        elif not _is_gone(outcome):
            failed[row.id] = str(outcome)
    with database.transaction() as db:
        profile, url = marketplace.profile, marketplace.endpoint_url
        rows = our_side.our_hits(db, profile, url, batch_id, only=[row.id for row in doubtful])
    return [
        finding for hit, row in differences.match(seen, rows).pairs for finding in differences.compare_hit(hit, row)
    ]


def _without_old(db: Session, matched: Matched) -> Matched:
    """HITs of Batches that are not compared any more are known all the same."""
    known = set(
        db.scalars(
            text("SELECT annotation FROM hits WHERE annotation = ANY(:annotations)"),
            {"annotations": [hit.annotation for hit in matched.unknown]},
        )
    )
    return Matched(matched.pairs, [hit for hit in matched.unknown if hit.annotation not in known], matched.twice)


def _numbers(db: Session) -> set[BatchId]:
    return {BatchId(number) for number in db.scalars(text("SELECT id FROM batches"))}


def _find_missing(
    marketplace: Marketplace, pacer: Pacer, ours: Sequence[OurHIT], listed: Collection[MarketplaceHITId]
) -> list[Finding]:
    """Live HITs that the list lacks, and that the marketplace does not know by name either."""
    unlisted = differences.unlisted(listed, ours, now=datetime.now(UTC))
    seen_batches = {hit.batch_id for hit in ours if hit.marketplace_hit_id in set(listed)}
    asked: list[OurHIT] = []
    silent: dict[BatchId, list[OurHIT]] = {}
    for hit in unlisted:
        if hit.batch_id in seen_batches:
            asked.append(hit)
        else:
            silent.setdefault(hit.batch_id, []).append(hit)
    for hits in silent.values():
        asked += hits[:ASKED_BY_NAME]
    gone = {hit.id for hit, outcome in pacer.each(lambda hit: _get(marketplace, hit), asked) if _is_gone(outcome)}
    confirmed = [hit for hit in asked if hit.id in gone and hit.batch_id in seen_batches]
    for hits in silent.values():
        if all(hit.id in gone for hit in hits[:ASKED_BY_NAME]):
            confirmed += hits
    return differences.missing(confirmed, ours, listed)


def _get(marketplace: Marketplace, hit: OurHIT) -> HITCounters:
    return requester.get_hit(marketplace, MarketplaceHITId(hit.marketplace_hit_id or ""))


def _is_gone(outcome: HITCounters | ServiceError) -> bool:
    if isinstance(outcome, HITCounters):
        return outcome.status == "Disposed"
    return isinstance(outcome, MarketplaceRefused) and outcome.code.endswith("HITDoesNotExist")


# --- work and bonuses -------------------------------------------------------------------------------------------------


def _look_at(
    marketplace: Marketplace,
    pacer: Pacer,
    suspects: Sequence[tuple[HITCounters, OurHIT]],
    bonuses: Collection[HITId],
    failed: dict[HITId, str],
) -> list[tuple[OurHIT, _Looked]]:
    """These HITs' work and, of those in `bonuses`, the bonuses; what cannot be read is added to `failed`."""

    def look(pair: tuple[HITCounters, OurHIT]) -> _Looked:
        hit, row = pair
        return _look(marketplace, pacer, hit, held=row.assignments, bonuses=row.id in bonuses)

    looked = []
    for (_, row), outcome in pacer.each(look, suspects, urgent=False):
        if isinstance(outcome, ServiceError):
            failed[row.id] = str(outcome)
            log.warning("hit.not_compared", batch_id=row.batch_id, hit_id=row.marketplace_hit_id, error=str(outcome))
        else:
            looked.append((row, outcome))
    return looked


def _compare_work(database: Database, looked: Sequence[tuple[OurHIT, _Looked]], patience: timedelta) -> list[Finding]:
    now = datetime.now(UTC)
    hit_ids = [row.id for row, _ in looked]
    with database.transaction() as db:
        assignments, paid = our_side.our_assignments(db, hit_ids), our_side.our_bonuses(db, hit_ids)
    found: list[Finding] = []
    for row, there in looked:
        here = assignments.get(row.id, {})
        found += work_differences.compare_assignments(row, there.assignments, list(here), now=now, patience=patience)
        if there.bonuses is not None:
            known = {assignment.marketplace_id: number for assignment, number in here.items()}
            found += work_differences.compare_bonuses(
                row, there.bonuses, paid.get(row.id, []), known, now=now, patience=patience
            )
    return found


def _look(marketplace: Marketplace, pacer: Pacer, hit: HITCounters, *, held: int, bonuses: bool) -> _Looked:
    """One HIT's work, all of it, and its bonuses. The caller has waited for the first call's slot."""
    expected = max(hit.submitted, held)
    listed = reviewing.list_assignments(marketplace, hit.hit_id, expected=expected, before_next_page=pacer.wait)
    assignments = [SeenAssignment(a.assignment_id, a.status, a.submitted_at) for a in listed]
    if not bonuses:
        return _Looked(assignments, None)
    pacer.wait()
    paid = reviewing.list_bonuses(marketplace, pacer.wait, hit_id=hit.hit_id)
    return _Looked(assignments, [SeenBonus(b.assignment_id, b.amount_usd, b.reason, b.granted_at) for b in paid])


# --- money ------------------------------------------------------------------------------------------------------------


def _broken_rules(db: Session, batch_ids: Collection[BatchId]) -> list[Finding]:
    return [
        Finding(
            DifferenceKind.LEDGER_WRONG,
            f"{broken.rule} {broken.subject}",
            broken.batch_id,
            f"The ledger of Batch {broken.batch_id} breaks the rule {broken.rule.replace('_', ' ')!r}: {broken.details}."
            " Please report this: our own entries do not fit together.",
        )
        for broken in ledger_rules.broken_rules(db, min(batch_ids) if len(batch_ids) == 1 else None)
        if broken.batch_id in batch_ids
    ]


def _money(marketplace: Marketplace, pacer: Pacer, ours_on_hold_usd: Decimal) -> Money | None:
    """None where the marketplace does not say its balance now: that is no reason to lose what was compared."""
    try:
        balance = pacer.call(requester.account_balance, marketplace)
    except ServiceError as error:
        log.warning("balance.not_compared", error=str(error))
        return None
    return Money(balance.available_usd, balance.on_hold_usd, ours_on_hold_usd)
