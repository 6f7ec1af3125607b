"""`labeljury marketplace layout`: HIT layouts, for which MTurk has no operation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import requesters, talking
from app.cli.opening import BY, opened

app = typer.Typer(help="HIT layouts: questions with placeholders, for CreateHIT's HITLayoutId.", no_args_is_help=True)
console = talking.console()
Requester = Annotated[str, typer.Option(help="A Requester's sign-in name or id; by default the first one's.")]


def register(parent: typer.Typer) -> None:
    """Make `layout` a part of `labeljury marketplace`."""
    parent.add_typer(app, name="layout")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="An HTML page or Question XML with placeholders such as ${text}.", exists=True, dir_okay=False
        ),
    ],
    requester: Requester = "",
) -> None:
    """Keep a layout and print its HITLayoutId."""
    from app.db import audit
    from app.marketplace import layouts
    from app.marketplace.wire_errors import WireError

    try:
        question = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read as UTF-8 text ({error})") from error
    with opened() as service, service.database.transaction() as db:
        now = requesters.ready(service, db)
        owner = requesters.owner(db, requester)
        try:
            layout_id = layouts.create(db, owner, name, question, now)
        except WireError as refused:
            raise typer.BadParameter(refused.message) from refused
        audit.record(db, actor=BY, action="marketplace.layout_added", layout_id=layout_id, requester_id=owner)
        wanted = ", ".join(layouts.placeholders(question))
    console.print(f"{layout_id}  {name}" + (f"  (placeholders: {wanted})" if wanted else ""), markup=False)


@app.command("list")
def list_(requester: Requester = "") -> None:
    """List layouts with what they want to be filled with."""
    from app.marketplace import layouts

    with opened() as service, service.database.transaction() as db:
        found = layouts.owned_by(db, requesters.owner(db, requester))
        for layout in found:
            wanted = ", ".join(layouts.placeholders(layout.question)) or "nothing"
            console.print(f"{layout.id}  {layout.name}  (placeholders: {wanted})", markup=False)
    if not found:
        console.print("No layouts yet: labeljury marketplace layout add NAME FILE")
