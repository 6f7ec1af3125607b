"""The command tree, and how errors reach a person."""

import errno
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from app import __version__
from app.cli import (
    aggregate,
    batch,
    crowd,
    demo,
    ending,
    exporting,
    marketplace,
    notifications,
    payments,
    people,
    planning,
    reconcile,
    reports,
    results,
    review,
    reviewed_sheets,
    servers,
    stability,
    study,
    talking,
    watching,
)
from app.errors import BudgetExceeded, InsufficientFunds, InvalidInput, MarketplaceUnreachable, NotFound, ServiceError

HELP = """A jury of five for every doubtful label.

Publishes doubtful dataset labels as MTurk HITs, collects Workers' responses, computes the consensus.

First steps:  labeljury up  ·  labeljury batch create items.csv --template image  ·  labeljury batch launch 1
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False
)
servers.register(app)
app.add_typer(batch.app, name="batch")
ending.register(batch.app)
app.add_typer(ending.archive_app, name="archive")
notifications.register(app)
app.add_typer(people.account_app, name="account")
app.add_typer(marketplace.app, name="marketplace")
results.register(app)
exporting.register(app)
reports.register(app)
stability.register(app)
planning.register(app)
reconcile.register(app)
payments.register(app)
app.add_typer(reviewed_sheets.app, name="results")
app.add_typer(review.app, name="review")
crowd.register(app)
demo.register(app)
watching.register(app)
app.add_typer(study.app, name="study")
aggregate.register(app)

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
_NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_WHAT_THERE_IS = {
    "Account": "labeljury account list",
    "Batch": "labeljury batch list",
    "HIT template": "labeljury templates",
    "Assignment": "labeljury review list BATCH --only all",
    "Worker": "labeljury review workers BATCH",
    "Difference": "labeljury reconcile",
    "Requester": "labeljury marketplace requester list",
}
# What settings are called on the command line.
_OPTIONS = {
    "reward_usd": "--reward",
    "hourly_usd": "--hourly",
    "assignments_per_item": "--assignments",
    "items_per_hit": "--items-per-hit",
    "quorum": "--quorum",
    "review": "--review",
    "cap_usd": "--cap",
    "lifetime_s": "--lifetime-days",
    "assignment_duration_s": "--minutes",
    "auto_approval_delay_s": "--days-until-approval",
    "first_assignments": "--first",
    "repost_limit": "--repost-limit",
    "pilot_items": "--pilot",
    "release_agreement": "--release-at",
    "excluded_batches": "--exclude-workers-of",
    "dataset_size": "--dataset-size",
    "answers_per_worker": "--answers-per-worker",
    "classes": "--classes",
}


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"labeljury {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command. An error that we know is one message on standard error and exit code 1, never a traceback.

    So is output that cannot be written, on standard output or into a file.
    """
    try:
        with talking.written_out():
            app()
    except ServiceError as error:
        _give_up(_explained(error))
    except OSError as fault:
        if fault.errno not in _NOT_WRITTEN:
            raise
        named = fault.filename or "the output"  # a stream that fails while it is written has no name
        _give_up(f"{named} cannot be written: {fault.strerror}; what there is of it is not whole")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _give_up(why: str) -> NoReturn:
    with suppress(OSError):  # nowhere is left to say it
        talking.console(stderr=True).print("error:", why, style="bold red", markup=False)
    sys.exit(EXIT_FAILED)


def _explained(error: ServiceError) -> str:
    """The message, and the command that helps where there is one."""
    match error:
        case NotFound(kind=kind) if kind in _WHAT_THERE_IS:
            return f"{error}; `{_WHAT_THERE_IS[kind]}` shows what there is{_known(kind)}"
        case InvalidInput(problems=problems, total=total):
            named = [replace(problem, field=_OPTIONS.get(problem.field or "", problem.field)) for problem in problems]
            return str(InvalidInput(named, total=total))
        case BudgetExceeded():
            return f"{error}{_raising(error)}"
        case InsufficientFunds(message=message):
            return message
        case MarketplaceUnreachable():
            return f"{error}; start the marketplace (`labeljury up`) or correct its URL"
        case _:
            return str(error)


def _raising(error: BudgetExceeded) -> str:
    """The command that raises the limit, where one does."""
    match error.of:
        case "the cap":
            return f"; `labeljury batch set-cap BATCH {error.needed_usd}` raises it"
        case "the Account's cap":
            return "; `labeljury account set-cap E-MAIL USD` raises it, `labeljury account list` shows who has which"
        case _:
            return ""


def _known(kind: str) -> str:
    """The HIT templates by name; of other things there may be too many."""
    if kind != "HIT template":
        return ""
    from app.questions import catalogue

    return f": {', '.join(template.name for template in catalogue.available())}"
