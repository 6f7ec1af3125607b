"""The command tree, and how errors reach a person."""

import sys

import typer

from app.cli import batch, demo, people, results, servers, talking
from app.errors import MarketplaceUnreachable, NotFound, ServiceError

HELP = """A jury of five for every doubtful label.

Publishes doubtful dataset labels as MTurk HITs, collects Workers' responses, computes the consensus.

First steps:  labeljury up  ·  labeljury batch create items.csv --template image  ·  labeljury batch launch 1
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False
)
servers.register(app)
app.add_typer(batch.app, name="batch")
app.add_typer(people.account_app, name="account")
app.add_typer(people.marketplace_app, name="marketplace")
results.register(app)
demo.register(app)

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
_WHAT_THERE_IS = {"Batch": "labeljury batch list", "HIT template": "labeljury templates"}


def main() -> None:
    """Run the command. An error that we know is one message on standard error and exit code 1, never a traceback."""
    try:
        app()
    except ServiceError as error:
        talking.console(stderr=True).print("error:", _explained(error), style="bold red", markup=False)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _explained(error: ServiceError) -> str:
    """The message, and the command that helps where there is one."""
    match error:
        case NotFound(kind=kind) if kind in _WHAT_THERE_IS:
            return f"{error}; `{_WHAT_THERE_IS[kind]}` shows what there is"
        case MarketplaceUnreachable():
            return f"{error}; start the marketplace (`labeljury up`) or correct its URL"
        case _:
            return str(error)
