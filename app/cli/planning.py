"""`labeljury plan`: how many Items with how many answers an error share wants, and what they cost."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import opened
from app.cli.results import whole_file
from app.cli.targets import check_targets
from app.domain.plurals import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from app.domain.consensus.votes import Votes
    from app.domain.statistics.planner import Plan
    from app.reporting.record import Terms as BatchTerms

_EPILOG = """Examples:

`labeljury plan 7 --width 0.05`  from the answers of Batch 7, at its reward

`labeljury plan pilot.csv --width 0.1 --reward 0.05 --items-per-hit 5 --suspects 2000`

`labeljury plan 7 --width 0.05 --answers 3,5 --least-same-again 0.9`  where a verdict must be worth something too"""


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(epilog=_EPILOG)(plan)


def plan(
    pilot: Annotated[
        str, typer.Argument(help="A Batch's number, or a file of task, worker, label (given, guessed, both, neither).")
    ],
    width: Annotated[
        float, typer.Option(help="How wide the 95 % interval of the error share may be: 0.05 is 5 points, end to end.")
    ],
    reward: Annotated[
        str | None, typer.Option(metavar="USD", help="Reward of a HIT. Default: the pilot Batch's; a file needs it.")
    ] = None,
    items_per_hit: Annotated[
        int | None, typer.Option(min=1, help="Items a HIT shows. Default: the pilot Batch's, else 1.")
    ] = None,
    answers: Annotated[str, typer.Option(help="Numbers of answers an Item to compare, by commas.")] = "3,5,7,9",
    suspects: Annotated[int | None, typer.Option(min=1, help="Suspects there are to check. Default: no end.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Workers there are at most.")] = None,
    answers_per_worker: Annotated[
        float | None, typer.Option(min=1, help="Items that one Worker answers. Default: as in the pilot.")
    ] = None,
    least_same_again: Annotated[
        float,
        typer.Option(min=0, max=1, help="The least chance that another panel would give an Item the same verdict."),
    ] = 0.0,
    out: Annotated[Path | None, typer.Option(help="Write the alternatives: .csv, .tsv, .jsonl or .parquet.")] = None,
) -> None:
    """Plan a Batch from a pilot: alternatives of few answers on many Items, or many on few, with their costs.

    An interval is as wide as Items differ, as answers on an Item differ, and as Workers, who answer many Items, differ.
    """
    from app.domain.statistics import planner
    from app.files.tables import format_of

    if out:
        format_of(out)
    check_targets([out], [] if _is_batch(pilot) else [Path(pilot)])
    votes, batch = _votes(pilot)
    terms = planner.Terms(
        reward_usd=_usd(reward) if reward is not None else _known(batch),
        items_per_hit=items_per_hit or (batch.items_per_hit if batch else 1),
        masters=batch is not None and batch.masters,
        suspects=suspects,
        answers_per_worker=answers_per_worker,
        workers=workers,
    )
    found = planner.plan(
        planner.pilot_of(votes), terms, width=width, answers=_numbers(answers), least_same_again=least_same_again
    )
    _show(found, terms.reward_usd)
    if out:
        _write(out, found)


def _votes(pilot: str) -> tuple[Votes, BatchTerms | None]:
    """The pilot's votes, labels in the order of OPTIONS; of a Batch also its terms."""
    if _is_batch(pilot):
        return _of_batch(int(pilot))
    from app.files.answer_options import read_option_votes

    votes, notes = read_option_votes(Path(pilot))
    for note in notes:
        typer.echo(note, err=True)
    return votes, None


def _is_batch(pilot: str) -> bool:
    return pilot.isascii() and pilot.isdigit()


def _of_batch(number: int) -> tuple[Votes, BatchTerms]:
    from datetime import UTC, datetime

    from app.domain.vocabulary import BatchId, ItemRole
    from app.pipeline import batch_report

    with opened() as service, service.database.transaction() as db:
        record = batch_report.read(db, BatchId(number), now=datetime.now(UTC), media_dir=service.settings.media_path)
    suspects = record.votes_on(record.of_role(ItemRole.SUSPECT)).votes
    return suspects, record.terms


def _known(batch: BatchTerms | None) -> Decimal:
    from app.errors import InvalidInput, Problem

    if batch is None:
        raise InvalidInput([Problem("a file does not say what a HIT pays; give --reward 0.05", field="--reward")])
    return batch.reward_usd


def _usd(text: str) -> Decimal:
    from decimal import InvalidOperation

    from app.domain.batch_settings import money_faults
    from app.errors import InvalidInput, Problem

    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation as fault:
        raise InvalidInput([Problem(f"{text!r} is no amount; write it as 0.05", field="--reward")]) from fault
    if problems := list(money_faults(reward_usd=amount)):
        raise InvalidInput(problems)
    return amount


def _numbers(text: str) -> list[int]:
    from app.errors import InvalidInput, Problem

    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[1-9][0-9]?", part, re.ASCII) for part in parts):  # 99 are MTurk's most
        raise InvalidInput(
            [Problem(f"{text!r}: wanted whole numbers from 1 to 99, by commas: 3,5,7", field="--answers")]
        )
    return [int(part) for part in parts]


def _show(found: Plan, reward_usd: Decimal) -> None:
    from app.cli.document_tables import printed
    from app.reporting.plan_tables import alternatives_table

    talking.console().print(printed(alternatives_table(found)))
    cheapest = found.cheapest
    if cheapest is None or cheapest.cost is None or cheapest.items is None:
        said = (
            "None that reaches it gives verdicts that another panel would repeat so often: compare more --answers, or ask for"
            " less --least-same-again."
            if any(row.cost for row in found.alternatives)
            else "None of these reaches it: allow a wider interval, more Workers or more suspects."
        )
    else:
        said = (
            f"Cheapest: {counted(cheapest.items, 'Item')} with {counted(cheapest.answers, 'answer')}, quorum"
            f" {cheapest.quorum}, at {talking.dollars(reward_usd)} a HIT: {talking.dollars(cheapest.cost.total_usd)} with fees."
        )
    typer.echo(said)
    if not found.workers_known:
        typer.echo(
            "The pilot does not show how Workers differ (each answered once, or there was one): real intervals are wider.",
            err=True,
        )


def _write(target: Path, found: Plan) -> None:
    from app.files.tables import format_of, write_table

    with whole_file(target) as file:
        write_table(file, _table(found), format_of(target))


def _table(found: Plan) -> pa.Table:
    from app.files.plan_files import alternatives_file

    return alternatives_file(found)
