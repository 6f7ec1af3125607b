"""When a person should be told something, and when it is over. Pure: facts in, sentences out.

Each rule takes `already`: whether its alert is open. Where a figure may hover about a limit, an open alert needs a clearly
better one to end, so that nothing comes and goes; how long it must be over is CALM_S.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal

import numpy as np
from numpy.typing import NDArray

from app.domain.pricing import CENT
from app.domain.statistics.shifts import Shift, mean_drop, shares_move
from app.domain.vocabulary import AlertKind, BatchId, DifferenceKind

HOUR_S = 3600

# Seconds for which it must be over before an alert is cleared. None where the facts themselves do not flicker.
CALM_S: Mapping[AlertKind, int] = {
    AlertKind.STALLED: 0,
    AlertKind.LOW_BALANCE: 0,
    AlertKind.NEAR_EXPIRY: 60,
    AlertKind.AUTO_APPROVAL: 60,
    AlertKind.DISAGREEMENT: 600,
    AlertKind.DRIFT: 600,
    # Credentials that are tried again every few minutes leave the Batch without a word for seconds.
    AlertKind.ATTENTION: 60,
    AlertKind.DIFFERENCE: 60,
    AlertKind.NO_RUNNER: 0,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is so now. `subject`: what it is about, `batch 7` or an endpoint's URL; one alert per kind of it."""

    kind: AlertKind
    subject: str
    message: str
    batch_id: BatchId | None = None


def of_batch(batch_id: BatchId) -> str:
    """A Batch as the subject of an alert."""
    return f"batch {batch_id}"


# --- a Batch stands still ------------------------------------------------------------------------------------------------

SHORTEST_STALL_S = HOUR_S
STALL_GAPS = 10


@dataclass(frozen=True, slots=True)
class Activity:
    """What a live Batch waits for. `since`: its last submission, or when it began to wait for the first one.

    usual_gap_s: median seconds between its latest submissions; None where there are too few to say.
    """

    open_hits: int
    since: datetime
    usual_gap_s: float | None


def stalled(seen: Activity, *, now: datetime) -> str | None:
    """Places are open and nobody has handed anything in for an hour, or for ten times the usual gap where that is longer.

    Nothing hovers here: a submission ends it, and a new one needs the whole time again.
    """
    quiet_s = (now - seen.since).total_seconds()
    if seen.open_hits == 0 or quiet_s < max(SHORTEST_STALL_S, STALL_GAPS * (seen.usual_gap_s or 0)):
        return None
    usually = f"; usually there is one every {_spoken(seen.usual_gap_s)}" if seen.usual_gap_s else ""
    return (
        f"Nobody has handed anything in for {_spoken(quiet_s)}, while {_counted(seen.open_hits, 'HIT')} with free places"
        f" can be worked on{usually}. See whether Workers find them: reward, qualification, the marketplace's own state"
    )


# --- funds ---------------------------------------------------------------------------------------------------------------

# An open alert ends once the balance covers this much more than is needed.
BALANCE_MARGIN = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Funds:
    """USD: what the endpoint's account may still spend, and what waits to be spent from it by all Batches there."""

    available_usd: Decimal
    needed_usd: Decimal
    profile: str

    @property
    def missing_usd(self) -> Decimal:
        """What must be added at least; nothing is negative."""
        return max(Decimal(0), self.needed_usd - self.available_usd).quantize(CENT, ROUND_UP)


def low_balance(funds: Funds, *, already: bool) -> str | None:
    """The balance does not cover what is still to be published, extended and paid as bonuses."""
    enough_usd = funds.needed_usd * (1 + BALANCE_MARGIN) if already else funds.needed_usd
    if funds.needed_usd <= 0 or funds.available_usd >= enough_usd:
        return None
    return (
        f"The {funds.profile} account holds ${funds.available_usd:.2f} and what is still to be published needs"
        f" ${funds.needed_usd:.2f}. {refill(funds)}"
    )


def refill(funds: Funds) -> str:
    """What to do about missing funds."""
    if funds.missing_usd == 0:
        return f"It covers that now, but for less than {BALANCE_MARGIN:.0%} to spare"
    if funds.profile == "local":
        return f"Add ${funds.missing_usd}: labeljury marketplace deposit {funds.missing_usd}"
    return f"Add ${funds.missing_usd} to the account on the marketplace"


# --- clocks that run out -------------------------------------------------------------------------------------------------

_SHARE = 0.10
LONGEST_EXPIRY_WARNING_S = 6 * HOUR_S
LONGEST_APPROVAL_WARNING_S = 24 * HOUR_S


def expiry_window_s(lifetime_s: int) -> float:
    """How long before its end a HIT counts as near it: the last tenth of its life, at most six hours."""
    return min(LONGEST_EXPIRY_WARNING_S, _SHARE * lifetime_s)


def approval_window_s(auto_approval_delay_s: int) -> float:
    """How long before it is paid by itself undecided work is warned of: the last tenth of the delay, at most a day."""
    return min(LONGEST_APPROVAL_WARNING_S, _SHARE * auto_approval_delay_s)


@dataclass(frozen=True, slots=True)
class Ending:
    """HITs with free places that end within the window; `again`: how many of them are offered again by themselves."""

    hits: int
    again: int
    first_at: datetime


def near_expiry(seen: Ending, *, now: datetime) -> str | None:
    """HITs end soon with places unfilled."""
    if seen.hits == 0:
        return None
    left = _spoken(max(0.0, (seen.first_at - now).total_seconds()))
    rest = seen.hits - seen.again
    then = f" {seen.again} will be offered again by themselves." if seen.again else ""
    do = f" {_counted(rest, 'HIT')} will not: their Items may end with fewer answers." if rest else ""
    return f"{_counted(seen.hits, 'HIT')} with free places end soon, the first in {left}.{then}{do}"


@dataclass(frozen=True, slots=True)
class Undecided:
    """Work that the marketplace will approve by itself within the window; `held`: how much of it waits for a person."""

    assignments: int
    held: int
    first_at: datetime


def auto_approval(seen: Undecided, *, now: datetime) -> str | None:
    """Work that nobody reviewed is paid soon."""
    if seen.assignments == 0:
        return None
    left = _spoken(max(0.0, (seen.first_at - now).total_seconds()))
    held = f" {seen.held} of them wait for your decision." if seen.held else ""
    return (
        f"{_counted(seen.assignments, 'Assignment')} nobody decided on will be approved and paid by the marketplace itself,"
        f" the first in {left}.{held}"
    )


# --- answers that change -------------------------------------------------------------------------------------------------

# Looked at every minute or so: a level far below the usual, and a difference that would matter to somebody.
LEVEL = 0.001
CALM_LEVEL = 0.05
SMALLEST_DROP = 0.10
SMALLEST_MOVE = 0.10
LATEST_ITEMS, EARLIER_ITEMS = 50, 100
LATEST_ANSWERS, EARLIER_ANSWERS = 200, 400


def disagreement(earlier: NDArray[np.float64], latest: NDArray[np.float64], *, already: bool) -> str | None:
    """The mean agreement on the latest settled Items lies clearly below that on the ones before them.

    earlier, latest: agreement (0 to 1) per Item. Raised at a drop of 0.1 or more with p < 0.001 one-sided; ends when the drop
    is below half of that or p > 0.05. Silent below 50 latest and 100 earlier Items.
    """
    if latest.size < LATEST_ITEMS or earlier.size < EARLIER_ITEMS:
        return None
    drop = mean_drop(earlier, latest)
    if not _beyond(drop, SMALLEST_DROP, already):
        return None
    return (
        f"Workers agree less than before: {latest.mean():.0%} on the latest {latest.size} Items, {earlier.mean():.0%} on the"
        f" {earlier.size} before them. Look at the latest answers: harder Items, or Workers who guess?"
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """Counts of the answers per option, the same options in both, and how many answers an Item has in them on average."""

    options: Sequence[str]
    earlier: Sequence[int]
    latest: Sequence[int]
    answers_per_item: float = 1.0


def drift(seen: Shares, *, already: bool) -> str | None:
    """The shares of the answers moved: one of them by 0.1 or more, with p < 0.001 by chi-square.

    Ends when none is off by half of that, or p > 0.05. Silent below 200 latest and 400 earlier answers.
    """
    if sum(seen.latest) < LATEST_ANSWERS or sum(seen.earlier) < EARLIER_ANSWERS:
        return None
    move = shares_move(seen.earlier, seen.latest, answers_per_item=max(1.0, seen.answers_per_item))
    if not _beyond(move, SMALLEST_MOVE, already):
        return None
    before, now = (np.array(counts) / sum(counts) for counts in (seen.earlier, seen.latest))
    most = int(np.abs(now - before).argmax())
    return (
        f"The answers move: “{seen.options[most]}” made up {before[most]:.0%} of the {sum(seen.earlier)} answers before and"
        f" {now[most]:.0%} of the latest {sum(seen.latest)}. Other Items than before, or Workers with a habit?"
    )


def _beyond(shift: Shift, size: float, already: bool) -> bool:
    if already:
        return shift.size >= size / 2 and shift.p <= CALM_LEVEL
    return shift.size >= size and shift.p < LEVEL


# --- what is told elsewhere, too -----------------------------------------------------------------------------------------

# A Worker's id as MTurk and our own marketplace write it; ids of HITs and Assignments begin with a 3.
_WORKER_ID = re.compile(r"\bA[A-Z0-9]{9,20}\b")


def without_worker_ids(said: str) -> str:
    """A marketplace's own words may name a Worker; alerts leave the house."""
    return _WORKER_ID.sub("(a Worker)", said)


# A call that was tried so often without an answer that can be used: about a minute's worth.
MANY_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Retried:
    """Calls that were tried MANY_ATTEMPTS times or more and will be tried again; `error`: what one of them met last."""

    calls: int
    error: str


NOTHING_RETRIED = Retried(0, "")


def attention(why: str | None, failed_calls: int, retried: Retried = NOTHING_RETRIED) -> str | None:
    """The Batch says what a person should know or do, or calls of it were refused for good or never succeed."""
    if why:
        return without_worker_ids(why)
    if failed_calls:
        return f"{_counted(failed_calls, 'call')} refused by the marketplace: see what it says on the Batch's page"
    if retried.calls:
        said = without_worker_ids(retried.error)
        return f"{_counted(retried.calls, 'call')} without success in {MANY_ATTEMPTS} attempts or more, tried again: {said}"
    return None


def differences(kinds: Mapping[DifferenceKind, int]) -> str | None:
    """Open differences between our tables and the marketplace, by kind."""
    if not kinds:
        return None
    named = ", ".join(f"{count} × {kind.replace('_', ' ')}" for kind, count in sorted(kinds.items()))
    return f"Our tables and the marketplace differ: {named}. `labeljury reconcile` says what to do"


# A job runner that has not been heard of for so long is not at work.
RUNNER_SEEN_WITHIN_S = 30


def no_runner(quiet_s: float, *, longest_s: float = RUNNER_SEEN_WITHIN_S) -> str | None:
    """No job runner has been seen for so long."""
    if quiet_s < longest_s:
        return None
    return "No job runner is at work: nothing is published, collected or paid until one is. Start one: `labeljury run-jobs`"


# --- what becomes of the alerts that are open ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """An alert that was raised and not cleared; `seen_at`: when it was last found so."""

    id: int
    kind: AlertKind
    subject: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What to write: findings to raise or to say anew, and alerts that are over."""

    found: Sequence[Finding]
    over: Sequence[int]


def change(
    findings: Iterable[Finding], opened: Iterable[Open], looked_at: Collection[AlertKind], *, now: datetime
) -> Change:
    """Raise what is found, clear what has been over for long enough; kinds that nobody looked at stay as they are."""
    found = list(findings)
    so = {(finding.kind, finding.subject) for finding in found}
    over = [
        alert.id
        for alert in opened
        if alert.kind in looked_at
        and (alert.kind, alert.subject) not in so
        and now - alert.seen_at >= timedelta(seconds=CALM_S[alert.kind])
    ]
    return Change(found, over)


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _spoken(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h`, `2 days`: as exact as anybody needs it."""
    for unit, size in (("days", 2 * 24 * HOUR_S), ("h", 2 * HOUR_S), ("min", 120)):
        if seconds >= size:
            return f"{seconds / {'days': 24 * HOUR_S, 'h': HOUR_S, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
