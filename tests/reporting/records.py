"""Batches as values, for the tests of reports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.vocabulary import BatchStatus, ItemRole
from app.reporting.record import BatchRecord, Dates, Items, Money, Responses, ShownPage, Terms, Work

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
WORDS = ("given", "guessed", "both", "neither")

TERMS = Terms(
    number=7,
    name="Birds",
    status=BatchStatus.DONE,
    profile="local",
    media_type="image",
    template_name="image",
    template_sha256="ab" * 32,
    template_source="<p>{{ title }}</p>",
    title="Which label fits?",
    description="Look at a picture.",
    keywords="image",
    instructions="Choose.",
    page=("Which label fits?", "Both are right"),
    shown=ShownPage(
        '<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%"><text y="20">Cat or dog?</text></svg>',
        "item-0",
    ),
    assignments_per_item=5,
    first_assignments=5,
    items_per_hit=1,
    quorum=3,
    reward_usd=Decimal("0.05"),
    hourly_usd=None,
    top_up=False,
    assignment_duration_s=600,
    lifetime_s=604_800,
    review_policy="approve_all",
    review_settings={},
    repost_limit=3,
    pilot_items=None,
    excluded_batches=(),
    seed=7,
)
DATES = Dates(NOW, NOW, NOW, NOW, NOW, NOW)


def made_record(
    answers: Sequence[str],
    *,
    roles: Sequence[ItemRole] | None = None,
    gold: Sequence[int] | None = None,
    extra: Mapping[str, Sequence[float]] | None = None,
    settled: bool = True,
    **terms: Any,
) -> BatchRecord:
    """A Batch of one Item for each of `answers`: the words of Ada, Bob and so on, "-" for whoever did not answer."""
    said = [
        (i, w, WORDS.index(word))
        for i, line in enumerate(answers)
        for w, word in enumerate(line.split())
        if word != "-"
    ]
    columns = np.array(said, dtype=np.int64).reshape(-1, 3)
    return record_of(
        *columns.T,
        items=len(answers),
        roles=roles,
        gold=gold,
        extra=extra,
        settled=settled,
        terms=replace(TERMS, **terms),
    )


def record_of(
    item: NDArray[np.int64],
    worker: NDArray[np.int64],
    label: NDArray[np.int64],
    *,
    items: int,
    roles: Sequence[ItemRole] | None = None,
    gold: Sequence[int] | None = None,
    extra: Mapping[str, Sequence[float]] | None = None,
    settled: bool = True,
    terms: Terms = TERMS,
) -> BatchRecord:
    count = len(item)
    workers = int(worker.max(initial=-1)) + 1
    first = np.arange(count) % 2
    return BatchRecord(
        terms=terms,
        dates=DATES,
        money=Money(Decimal("5.00"), Decimal(0), Decimal("1.00"), Decimal(0), Decimal("6.00"), np.full(count, 12.5)),
        work=Work(count, count, 0, 0, 0, 0),
        items=Items(
            ids=[f"item-{number}" for number in range(items)],
            given=["cat"] * items,
            guessed=["dog"] * items,
            role=np.array([role.value for role in roles] if roles else ["suspect"] * items, dtype=np.str_),
            gold=np.array(gold, dtype=np.int64) if gold else np.full(items, -1),
            settled=np.full(items, settled),
            extra={name: np.array(values, dtype=float) for name, values in (extra or {}).items()},
            sha256="cd" * 32,
        ),
        responses=Responses(
            item=item,
            worker=worker,
            label=label,
            shown_first=first,
            shown_second=1 - first,
            sequence=np.arange(count),
            elapsed_ms=np.full(count, 4200.0),
        ),
        workers=[f"W-{number:04}" for number in range(workers)],
        versions={"Label Jury": "0.1.0"},
    )


def crowd_record(items: int = 60, workers: int = 8, *, seed: int = 1, **more: Any) -> BatchRecord:
    """Five of the Workers on each Item; most say given, some guessed, a few anything."""
    rng = np.random.default_rng(seed)
    answers = min(5, workers)
    who = np.argsort(rng.random((items, workers)), axis=1)[:, :answers].ravel()
    truth = np.repeat(rng.choice(4, size=items, p=[0.6, 0.3, 0.05, 0.05]), answers)
    label = np.where(rng.random(items * answers) < 0.85, truth, rng.integers(0, 4, items * answers))
    return record_of(
        np.repeat(np.arange(items), answers), who.astype(np.int64), label.astype(np.int64), items=items, **more
    )
