"""`labeljury review …`: what waits for a decision, and deciding it; how Workers do, and leaving one out afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, opened
from app.domain.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.domain.decisions import Ruling
    from app.domain.vocabulary import Option
    from app.pipeline.dropping import Effect
    from app.pipeline.review_report import Deadlines, Work

app = typer.Typer(
    help="Review submitted work: what waits for a decision, approve, reject, override; leave a Worker out afterwards.",
    no_args_is_help=True,
)
console = talking.console()

SHOWN_CHANGES = 50

BatchArgument = Annotated[int, typer.Argument(help="The Batch's number.")]
WorkArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Assignments, by number or by the marketplace's id (`labeljury review list`)."),
]
WorkerArgument = Annotated[str, typer.Argument(help="The Worker's pseudonym, or the marketplace's id.")]
HeldOption = Annotated[bool, typer.Option("--held", help="All held work of the Batch.")]
WorkerOption = Annotated[str | None, typer.Option(help="All held work of this Worker.")]
FeedbackOption = Annotated[str, typer.Option(help="What the Worker reads. Default: thanks.")]


@app.command(name="list")
def list_work(
    batch: BatchArgument,
    only: Annotated[str, typer.Option(help="held, undecided, rejected, not_counted or all.", metavar="WHICH")] = "held",
    worker: Annotated[str | None, typer.Option(help="Of this Worker alone.")] = None,
    after: Annotated[int, typer.Option(help="Begin behind this number.")] = 0,
) -> None:
    """Show submitted work with its evidence: each answer beside the right one, or what the others say."""
    from app.db import worker_names
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, review_report

    if only not in set(review_report.WorkFilter):
        raise typer.BadParameter(f"use {', '.join(review_report.WorkFilter)}", param_hint="--only")
    batch_id, size = BatchId(batch), 20
    with opened() as service, service.database.transaction() as db:
        batches.get(db, batch_id)
        worker_id = worker_names.find(db, batch_id, worker).id if worker else None
        found = review_report.work(
            db, batch_id, only=review_report.WorkFilter(only), worker_id=worker_id, after_id=after, limit=size
        )
        deadlines = review_report.review_deadlines(db, batch_id)
    console.print(said_of(deadlines))
    for work in found:
        _show(work)
    if len(found) == size:
        console.print(f"More: --after {found[-1].id}")


def said_of(deadlines: Deadlines) -> str:
    """What waits, and when the first of it is paid by itself."""
    if not deadlines.undecided:
        return "No work waits for a decision."
    when = (
        f"; the first is paid by itself at {deadlines.first_paid_at:%Y-%m-%d %H:%M %Z}"
        if deadlines.first_paid_at
        else ""
    )
    return f"{counted(deadlines.undecided, 'Assignment')} undecided, {deadlines.held} of them held for you{when}."


def _show(work: Work) -> None:
    state = f"{work.under_way} under way" if work.under_way else work.status
    left_out = "" if work.counted else ", not counted"
    console.print(
        f"\n{work.id}  {work.marketplace_assignment_id}  {work.worker}  {state}{left_out}", style="bold", markup=False
    )
    for label, said in (("Held", work.held_because if work.held_at else None), ("The Worker reads", work.feedback)):
        if said:
            console.print(f"  {label}: {said}", markup=False)
    if work.paid_at:
        console.print(f"  Paid by itself at {work.paid_at:%Y-%m-%d %H:%M %Z}")
    if not work.readable:
        console.print("  The answer could not be read.")
    for answer in work.answers:
        right = f"right: {answer.expected}" if answer.expected else _others(answer.others)
        mark = "✗" if answer.disagrees else " "
        said = answer.option or "cannot tell"
        labels = f"{answer.given_label} / {answer.guessed_label}"
        console.print(f"  {mark} {answer.external_id}: {said} ({right}) [{labels}]", markup=False)


def _others(counts: Mapping[Option, int]) -> str:
    return "others: " + (", ".join(f"{count} {option}" for option, count in counts.items()) or "none")


@app.command()
def approve(
    batch: BatchArgument,
    assignments: WorkArgument = None,
    worker: WorkerOption = None,
    held: HeldOption = False,
    feedback: FeedbackOption = "",
) -> None:
    """Pay for work that was held."""
    _rule("approve", batch, assignments, worker=worker, held=held, feedback=feedback)


@app.command()
def reject(
    batch: BatchArgument,
    because: Annotated[
        str, typer.Option("--because", help="What the Worker reads. Required by decency, and by MTurk.")
    ],
    assignments: WorkArgument = None,
    worker: WorkerOption = None,
    held: HeldOption = False,
) -> None:
    """Refuse work: it is neither paid nor counted. It can be overridden for 30 days after the submission."""
    _rule("reject", batch, assignments, worker=worker, held=held, feedback=because)


@app.command(name="soft-reject")
def soft_reject(
    batch: BatchArgument,
    assignments: WorkArgument = None,
    worker: WorkerOption = None,
    held: HeldOption = False,
    feedback: FeedbackOption = "",
) -> None:
    """Pay for work and do not count it. The Worker reads thanks; work that is paid already can be left out too."""
    _rule("soft_reject", batch, assignments, worker=worker, held=held, feedback=feedback)


@app.command()
def override(
    batch: BatchArgument,
    assignments: WorkArgument = None,
    worker: Annotated[str | None, typer.Option(help="All rejected work of this Worker.")] = None,
    feedback: FeedbackOption = "",
) -> None:
    """Take a rejection back: the work is paid and counted after all."""
    _rule("override", batch, assignments, worker=worker, held=False, feedback=feedback)


def _rule(
    word: str, batch: int, assignments: list[str] | None, *, worker: str | None, held: bool, feedback: str
) -> None:
    from app.db import clock
    from app.domain.decisions import Ruling
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, rulings

    if sum((bool(assignments), worker is not None, held)) != 1:
        every = "" if word == "override" else ", or --held"
        raise typer.BadParameter(f"name Assignments, or a Worker with --worker{every}: one of these")
    ruling, batch_id = Ruling(word), BatchId(batch)
    with opened() as service, service.database.transaction() as db:
        batches.get(db, batch_id)
        now = clock.now(db)
        if assignments:
            count = rulings.rule_on(db, batch_id, ruling, assignments, by=BY, now=now, feedback=feedback)
        else:
            count = rulings.rule_on_held(db, batch_id, ruling, worker=worker, by=BY, now=now, feedback=feedback)
    console.print(f"{counted(count, 'Assignment')} {_DONE[ruling]}; job runners tell the marketplace.")


_DONE: dict[Ruling | str, str] = {
    "approve": "approved",
    "reject": "rejected",
    "soft_reject": "soft-rejected (paid, not counted)",
    "override": "approved after all",
}


@app.command()
def workers(batch: BatchArgument, after: Annotated[int, typer.Option(help="Begin behind this number.")] = 0) -> None:
    """Show how the Workers of a Batch do: right answers on gold Items, agreement with the others, speed, first choices."""
    from rich.table import Table

    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, review_report

    size = 50
    with opened() as service, service.database.transaction() as db:
        batches.get(db, BatchId(batch))
        rows = review_report.workers(db, BatchId(batch), after_id=after, limit=size)
    if not rows:
        console.print("Nobody has answered yet.")
        return
    table = Table("Worker", "Answers", "Agrees", "Gold", "Median", "First", "Work", "", box=None)
    for row in rows:
        table.add_row(
            row.worker,
            str(row.answers),
            f"{row.quality.agreement.matched}/{row.quality.agreement.judged}",
            f"{row.quality.gold.matched}/{row.quality.gold.judged}",
            "–" if row.median_ms is None else f"{row.median_ms / 1000:.1f} s",
            "–" if row.first_share is None else f"{row.first_share:.0%}",
            f"{row.approved}/{row.rejected}/{row.submitted}",
            "dropped" if row.dropped_because is not None else "",
        )
    console.print(table)
    console.print(
        "Agrees: with most of the others. First: chose what was shown first. Work: approved/rejected/undecided."
    )
    if len(rows) == size:
        console.print(f"More: --after {rows[-1].id}")


@app.command()
def drop(
    batch: BatchArgument,
    worker: WorkerArgument,
    reason: Annotated[str, typer.Option(help="Why; kept with the Batch, not told to the Worker.")],
    repost: Annotated[
        bool, typer.Option("--repost", help="Of a Batch that is over: ask anew for the Items that lack answers now.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Leave out all answers of a Worker in a Batch, and show which Items that changes. Nobody's pay is touched."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, consensus, dropping

    batch_id = BatchId(batch)
    with opened() as service:
        with service.database.transaction() as db:
            if dry_run:
                effect = dropping.preview(db, batch_id, worker)
            else:
                effect = dropping.drop(db, batch_id, worker, reason=reason, by=BY)
            if repost and not dry_run:
                batches.reopen(db, batch_id, by=BY)
        if not dry_run:
            consensus.compute(service.database, batch_id)
    _show_effect(effect, "would be dropped" if dry_run else "is dropped")


@app.command()
def restore(batch: BatchArgument, worker: WorkerArgument) -> None:
    """Take a drop back: the Worker's answers count again. They stay kept out of further HITs of the Batch."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import consensus, dropping

    batch_id = BatchId(batch)
    with opened() as service:
        with service.database.transaction() as db:
            effect = dropping.restore(db, batch_id, worker, by=BY)
        consensus.compute(service.database, batch_id)
    _show_effect(effect, "counts again")


def _show_effect(effect: Effect, happened: str) -> None:
    console.print(
        f"Worker {effect.worker} {happened}: {counted(effect.items, 'Item')} answered, {len(effect.moved)} change category."
    )
    for item in effect.moved[:SHOWN_CHANGES]:
        answers = counted(item.after.answers, "answer")
        console.print(f"  {item.external_id}: {item.before.category} → {item.after.category} ({answers})", markup=False)
    if len(effect.moved) > SHOWN_CHANGES:
        console.print(f"  … and {len(effect.moved) - SHOWN_CHANGES} more")
    if effect.lacking:
        console.print(
            f"{counted(len(effect.lacking), 'Item')} lack answers now. A live Batch asks for them by itself; one that is over"
            " with --repost, or `labeljury batch repost`."
        )
