"""Our tables beside what the marketplace says: values in, differences out, each with its remedy where a safe one exists.

The marketplace is read first and our tables after it, so that whatever our runners wrote down meanwhile is known here.
What happened on the marketplace in the last SETTLES_WITHIN is not called a difference yet: its lists lag, and so do polls.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.pricing import MANY_ASSIGNMENTS
from app.domain.progress import HITCounters
from app.domain.vocabulary import (
    AssignmentId,
    BatchId,
    BatchStatus,
    DifferenceKind,
    HITId,
    HITStatus,
    MarketplaceHITId,
    OperationId,
)

SETTLES_WITHIN = timedelta(minutes=2)
# A difference names these many ids; of more it gives the number.
NAMED = 5
_OURS = re.compile(r"label-jury batch=(\d{1,18}) token=([0-9a-f-]{36})")
_OPEN = frozenset({"Assignable", "Unassignable"})


# --- remedies: what a safe repair does ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adopt:
    """The HIT was published for us: our row shall know it."""

    hit_id: HITId
    seen: HITCounters


@dataclass(frozen=True, slots=True)
class SetPlaces:
    """Our row shall have the places that the HIT offers, with their cost reserved."""

    hit_id: HITId
    places: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """The HIT's Assignments shall be collected again, decisions included."""

    hit_id: HITId


@dataclass(frozen=True, slots=True)
class Expire:
    """The HIT shall be expired, and what it has brought collected. `seen`: what the marketplace says of it."""

    hit_id: HITId
    seen: HITCounters


@dataclass(frozen=True, slots=True)
class BookBonus:
    """A bonus that the marketplace paid shall be in the ledger. `paid_there`: so many of this amount it has paid in all."""

    assignment_id: AssignmentId
    amount_usd: Decimal
    reason: str
    paid_there: int


@dataclass(frozen=True, slots=True)
class SettleBonus:
    """A bonus of ours that failed or was cancelled here and was paid there shall be paid here too."""

    operation_id: OperationId


Remedy = Adopt | SetPlaces | Fetch | Expire | BookBonus | SettleBonus


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `subject`: the marketplace's id of what differs; `details`: what is there, what is here, what to do.

    remedy: what a repair may safely do; None: a person must decide.
    """

    kind: DifferenceKind
    subject: str
    batch_id: BatchId | None
    details: str
    remedy: Remedy | None = None


# --- our side ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OurHIT:
    """A HIT as our tables have it. `places_wanted`: with an extension that is still to be done; `busy`: a call is under way."""

    id: HITId
    batch_id: BatchId
    batch_status: BatchStatus
    status: HITStatus
    annotation: str
    marketplace_hit_id: MarketplaceHITId | None
    max_assignments: int
    places_wanted: int
    assignments: int
    decided: int
    published_at: datetime | None
    busy: bool = False
    deleted: bool = False


# --- HITs -------------------------------------------------------------------------------------------------------------


def batch_of(annotation: str | None) -> BatchId | None:
    """The number of the Batch that an annotation of ours names; None for what other programs write."""
    found = _OURS.fullmatch(annotation or "")
    return BatchId(int(found[1])) if found else None


@dataclass(frozen=True, slots=True)
class Matched:
    """The marketplace's list, sorted by our rows. `unknown`: with our annotation and no row; `twice`: a second one of a row."""

    pairs: Sequence[tuple[HITCounters, OurHIT]]
    unknown: Sequence[HITCounters]
    twice: Sequence[tuple[HITCounters, OurHIT]]


def match(seen: Iterable[HITCounters], ours: Sequence[OurHIT]) -> Matched:
    """Which row each listed HIT belongs to, by its id, else by its annotation. HITs of other programs are passed over."""
    by_id = {hit.marketplace_hit_id: hit for hit in ours if hit.marketplace_hit_id}
    by_annotation = {hit.annotation: hit for hit in ours}
    taken: set[HITId] = set()
    pairs, unknown, twice = [], [], []
    for hit in seen:
        row = by_id.get(hit.hit_id) or by_annotation.get(hit.annotation or "")
        if row is None:
            unknown += [hit] if batch_of(hit.annotation) is not None and hit.status != "Disposed" else []
        elif row.marketplace_hit_id not in {None, hit.hit_id} or row.id in taken:
            twice.append((hit, row))
        else:
            taken.add(row.id)
            pairs.append((hit, row))
    return Matched(pairs, unknown, twice)


def compare_strays(matched: Matched, here: Collection[BatchId]) -> list[Finding]:
    """HITs that the marketplace lists and that no row of ours is for. `here`: the Batches that we have."""
    by_batch: defaultdict[BatchId, list[HITCounters]] = defaultdict(list)
    for hit in matched.unknown:
        by_batch[batch_of(hit.annotation) or BatchId(0)].append(hit)
    found = [_twice(hit, row) for hit, row in matched.twice]
    return found + [_strays(batch_id, hits, is_here=batch_id in here) for batch_id, hits in by_batch.items()]


def strays(matched: Matched) -> list[HITCounters]:
    """HITs that no row of ours is for, and that Workers can still answer."""
    return [hit for hit in (*matched.unknown, *(hit for hit, _ in matched.twice)) if hit.status in _OPEN]


def _twice(hit: HITCounters, row: OurHIT) -> Finding:
    return Finding(
        DifferenceKind.HIT_OF_NO_BATCH,
        hit.hit_id,
        row.batch_id,
        f"HIT {hit.hit_id} shows the same Items as our HIT {row.marketplace_hit_id or row.id}: it was published twice."
        " `labeljury reconcile --expire-strays` expires it; what was handed in for it is paid by itself.",
    )


def _strays(batch_id: BatchId, hits: Sequence[HITCounters], *, is_here: bool) -> Finding:
    """One finding for all of a Batch number: a backup restored late may lack a thousand."""
    if is_here:
        advice = (
            f"Batch {batch_id} is here and has no row for them yet. If a backup was restored, go on as before (launch it again"
            " if it is a draft): the plan is the same, and what is there already is found, not published again."
        )
    else:
        advice = (
            f"There is no Batch {batch_id} here: another installation uses this account (then accept this difference), or the"
            " Batch was launched after the backup that was restored."
        )
    said = f"The marketplace has {named([hit.hit_id for hit in hits], 'HIT')} with our annotation of Batch {batch_id}."
    how = " `labeljury reconcile --expire-strays` expires them, so that nobody else answers; work handed in is paid by itself."
    return Finding(DifferenceKind.HIT_OF_NO_BATCH, f"batch {batch_id}", batch_id, f"{said} {advice}{how}")


def compare_hit(hit: HITCounters, row: OurHIT) -> list[Finding]:
    """What differs between a HIT and its row; nothing while a call about it is under way."""
    if row.busy or row.deleted:
        return []
    if row.status is HITStatus.CANCELLED:
        is_there = hit.status in _OPEN or hit.submitted > 0
        return [_not_over(hit, row, "was given up before it was known to be published")] if is_there else []
    found = []
    if row.status in {HITStatus.PLANNED, HITStatus.PUBLISHING}:
        found.append(_not_recorded(hit, row))
    if not row.max_assignments <= hit.max_assignments <= max(row.max_assignments, row.places_wanted):
        found.append(_places(hit, row))
    elif row.status is HITStatus.DONE and hit.status in _OPEN:
        found.append(_not_over(hit, row, "is closed here"))
    return found


def _not_recorded(hit: HITCounters, row: OurHIT) -> Finding:
    return Finding(
        DifferenceKind.HIT_NOT_RECORDED,
        hit.hit_id,
        row.batch_id,
        f"The marketplace has HIT {hit.hit_id} with our annotation; our row calls it {row.status}."
        " A repair writes its id down, so that it is collected and not published again.",
        Adopt(row.id, hit),
    )


def _not_over(hit: HITCounters, row: OurHIT, why: str) -> Finding:
    return Finding(
        DifferenceKind.HIT_SHOULD_BE_OVER,
        hit.hit_id,
        row.batch_id,
        f"HIT {hit.hit_id} {why}; on the marketplace it is {hit.status} with {hit.available} places free and"
        f" {hit.submitted} answers handed in. A repair expires it, and collects and books what it has brought.",
        Expire(row.id, hit),
    )


def _places(hit: HITCounters, row: OurHIT) -> Finding:
    there, here = hit.max_assignments, row.max_assignments
    said = f"HIT {hit.hit_id} offers {there} places on the marketplace and {here} by our tables."
    if there >= MANY_ASSIGNMENTS:
        advice = " From ten places on every answer costs a higher fee, which our ledger does not book: expire it there."
        return Finding(DifferenceKind.PLACES_DIFFER, hit.hit_id, row.batch_id, said + advice)
    advice = " A repair takes the marketplace's number" + (
        " and reserves what more it may cost." if there > here else "."
    )
    return Finding(
        DifferenceKind.PLACES_DIFFER, hit.hit_id, row.batch_id, said + advice, SetPlaces(row.id, hit.max_assignments)
    )


def differing(matched: Matched) -> list[HITId]:
    """HITs whose counters say that their Assignments or decisions are not what we hold."""
    return [
        row.id
        for hit, row in matched.pairs
        if not row.deleted
        and row.status is not HITStatus.CANCELLED
        and (hit.submitted != row.assignments or hit.completed != row.decided)
    ]


def unlisted(seen: Iterable[MarketplaceHITId], ours: Sequence[OurHIT], *, now: datetime) -> list[OurHIT]:
    """Live HITs of ours that the marketplace's list lacks, though it has had time to show them."""
    listed = set(seen)
    return [
        hit
        for hit in ours
        if hit.status is HITStatus.LIVE
        and hit.marketplace_hit_id is not None
        and hit.marketplace_hit_id not in listed
        and not hit.busy
        and (hit.published_at is None or hit.published_at < now - SETTLES_WITHIN)
    ]


def missing(gone: Sequence[OurHIT], ours: Sequence[OurHIT], seen: Iterable[MarketplaceHITId]) -> list[Finding]:
    """HITs that the marketplace does not know: one finding each, or one for a Batch of which it knows none at all."""
    listed = set(seen)
    known = {hit.batch_id for hit in ours if hit.marketplace_hit_id in listed}
    by_batch: defaultdict[BatchId, list[OurHIT]] = defaultdict(list)
    for hit in gone:
        by_batch[hit.batch_id].append(hit)
    found: list[Finding] = []
    for batch_id, hits in by_batch.items():
        found += [_missing_batch(batch_id, hits)] if batch_id not in known else [_missing(hit) for hit in hits]
    return found


def _missing(hit: OurHIT) -> Finding:
    return Finding(
        DifferenceKind.HIT_MISSING,
        str(hit.marketplace_hit_id),
        hit.batch_id,
        f"HIT {hit.marketplace_hit_id} is live by our tables and the marketplace does not know it: another program deleted"
        " it. The next poll closes it; what its Items still need is asked for again as far as the Batch's limits allow.",
    )


def _missing_batch(batch_id: BatchId, hits: Sequence[OurHIT]) -> Finding:
    return Finding(
        DifferenceKind.HIT_MISSING,
        f"batch {batch_id}",
        batch_id,
        f"None of the {len(hits)} live HITs of Batch {batch_id} is known to the marketplace. The credentials may be of"
        " another AWS account than the one it was launched with: check them first. If they are right, another program"
        " deleted the HITs; then stop the Batch.",
    )


# --- words ---------------------------------------------------------------------------------------------------------------


def is_young(moment: datetime | None, now: datetime, patience: timedelta = SETTLES_WITHIN) -> bool:
    """Whether it happened just now. A moment far ahead is another clock's, and says nothing."""
    return moment is not None and abs(now - moment) < patience


def named(ids: Sequence[str], thing: str) -> str:
    """`3 answers (A, B, C)`."""
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{len(ids)} {thing}{'' if len(ids) == 1 else 's'} ({', '.join(ids[:NAMED])}{more})"
