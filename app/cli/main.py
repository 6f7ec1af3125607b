"""The command tree, and how errors reach a person."""

import sys

import typer
from rich.console import Console

from app.cli import batch, demo, people, results, servers
from app.errors import ServiceError

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


def main() -> None:
    """Run the command. An error that we know is one message on standard error and exit code 1, never a traceback."""
    try:
        app()
    except ServiceError as error:
        Console(stderr=True, highlight=False).print("error:", str(error), style="bold red", markup=False)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
