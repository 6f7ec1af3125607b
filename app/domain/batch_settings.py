"""The settings of a new Batch and what is wrong with them, all at once."""

from collections.abc import Iterator
from decimal import Decimal

from app.domain.pricing import CENT, MANY_ASSIGNMENTS, MINIMUM_REWARD_USD
from app.errors import Problem

DAY_S = 86_400
# MTurk's limits (mturk-facts §2.1), in seconds.
SHORTEST_S, LONGEST_S = 30, 31_536_000
LONGEST_AUTO_APPROVAL_S = 2_592_000
LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_NAME = 128, 2000, 200
MOST_ITEMS_PER_HIT = 50
# How often a HIT is offered again, and how many rounds of fresh HITs there are, unless the Requester says otherwise.
DEFAULT_REPOST_LIMIT = 3
MOST_REPOSTS = 20
# Above these somebody has mistyped.
LARGEST_USD = {"reward_usd": Decimal(1000), "cap_usd": Decimal(10_000_000)}


def faults(
    *,
    name: str,
    title: str,
    description: str,
    instructions: str,
    assignments_per_item: int,
    items_per_hit: int,
    quorum: int,
    assignment_duration_s: int,
    lifetime_s: int,
    auto_approval_delay_s: int,
) -> Iterator[Problem]:
    """Every fault of a Batch's settings but the money's, each with its fix."""
    yield from _text_faults(name=name, title=title, description=description)
    # Their length is the page's business, and they may say nothing.
    yield from _nul_faults("instructions", instructions)
    if not 1 <= assignments_per_item < MANY_ASSIGNMENTS:
        more = "MTurk doubles its fee from ten Assignments a HIT; " if assignments_per_item >= MANY_ASSIGNMENTS else ""
        yield Problem(f"{more}use 1 to {MANY_ASSIGNMENTS - 1}", field="assignments_per_item")
    if not 1 <= items_per_hit <= MOST_ITEMS_PER_HIT:
        yield Problem(f"use 1 to {MOST_ITEMS_PER_HIT}", field="items_per_hit")
    if not 1 <= quorum <= max(assignments_per_item, 1):
        yield Problem(f"use 1 to {max(assignments_per_item, 1)}, the Assignments of an Item", field="quorum")
    for field, value, low, high in (
        ("assignment_duration_s", assignment_duration_s, SHORTEST_S, LONGEST_S),
        ("lifetime_s", lifetime_s, SHORTEST_S, LONGEST_S),
        ("auto_approval_delay_s", auto_approval_delay_s, 0, LONGEST_AUTO_APPROVAL_S),
    ):
        if not low <= value <= high:
            yield Problem(f"use {low} seconds to {high // DAY_S} days", field=field)


def round_faults(
    *,
    assignments_per_item: int,
    first_assignments: int | None,
    repost_limit: int,
    pilot_items: int | None,
    release_agreement: float | None,
) -> Iterator[Problem]:
    """Every fault of how answers are asked for, round by round. None: all at once, no pilot, no rule."""
    if first_assignments is not None and not 1 <= first_assignments <= max(assignments_per_item, 1):
        most = max(assignments_per_item, 1)
        yield Problem(
            f"use 1 to {most}: more than the Assignments of an Item are never asked for", field="first_assignments"
        )
    if not 0 <= repost_limit <= MOST_REPOSTS:
        yield Problem(f"use 0 (never) to {MOST_REPOSTS} times", field="repost_limit")
    if pilot_items is not None and pilot_items < 1:
        yield Problem("use at least one Item, or leave it out: then all are published at once", field="pilot_items")
    if release_agreement is not None:
        if not 0 < release_agreement <= 1:
            yield Problem("use a share above 0 and up to 1, such as 0.8", field="release_agreement")
        if pilot_items is None:
            yield Problem("has no effect without a pilot: say how many Items it has", field="release_agreement")


def _text_faults(*, name: str, title: str, description: str) -> Iterator[Problem]:
    for field, value, longest in (
        ("name", name, LONGEST_NAME),
        ("title", title, LONGEST_TITLE),
        ("description", description, LONGEST_DESCRIPTION),
    ):
        if not value.strip():
            yield Problem("must not be empty", field=field)
        if len(value) > longest:
            yield Problem(f"has {len(value)} characters; at most {longest} fit", field=field)
        yield from _nul_faults(field, value)


def _nul_faults(field: str, value: str) -> Iterator[Problem]:
    """PostgreSQL takes no NUL in a text."""
    if "\x00" in value:
        yield Problem("contains a NUL character", field=field)


def money_faults(
    *, reward_usd: Decimal | None = None, cap_usd: Decimal | None = None, limit_usd: Decimal | None = None
) -> Iterator[Problem]:
    """Every fault of amounts in USD; `limit_usd` is the installation's spending limit."""
    for field, amount in (("reward_usd", reward_usd), ("cap_usd", cap_usd)):
        if amount is None:
            continue
        if not amount.is_finite():
            yield Problem("must be an amount such as 0.05", field=field)
        elif amount < 0:
            yield Problem("must not be negative", field=field)
        elif amount > LARGEST_USD[field]:
            yield Problem(f"use at most ${LARGEST_USD[field]}", field=field)
        elif amount != amount.quantize(CENT):
            yield Problem(f"{amount} has parts of a cent; use two decimals", field=field)
        elif field == "reward_usd" and amount < MINIMUM_REWARD_USD:
            yield Problem(f"use at least ${MINIMUM_REWARD_USD}", field=field)
        elif field == "cap_usd" and limit_usd is not None and amount > limit_usd:
            yield Problem(f"is above this installation's limit of ${limit_usd}", field=field)
