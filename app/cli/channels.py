"""`labeljury marketplace channel`: where Workers come from."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from app.cli import requesters, talking
from app.cli.opening import BY, opened
from app.domain.plurals import counted

app = typer.Typer(
    help="Where Workers come from: invite links, Prolific, CloudResearch Connect, any other site.", no_args_is_help=True
)
console = talking.console()
Requester = Annotated[str, typer.Option(help="The Requester's sign-in name or id; by default the first one.")]
Days = Annotated[
    float | None, typer.Option("--expires-in-days", min=0.001, max=3650, help="Until when people may come in.")
]


class Kind(StrEnum):
    """The words of `store.ChannelKind`, which would bring the database along; `--help` must be quick."""

    INVITE = "invite"
    PROLIFIC = "prolific"
    CONNECT = "connect"
    GENERIC = "generic"


def register(parent: typer.Typer) -> None:
    """Make `channel` a part of `labeljury marketplace`."""
    parent.add_typer(app, name="channel")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people read above the work, such as 'Tea or coffee?'.")],
    kind: Annotated[Kind, typer.Option(help="Where they come from.")] = Kind.INVITE,
    code: Annotated[str | None, typer.Option(help="The completion code that Prolific or Connect gave you.")] = None,
    completion_url: Annotated[
        str | None,
        typer.Option(help="Where to send people when done; {code} and, say, {participant} in it are filled in."),
    ] = None,
    parameter: Annotated[
        str | None, typer.Option(help="generic: the query parameter that says who comes.", metavar="NAME")
    ] = None,
    hit_type: Annotated[str | None, typer.Option(help="Only HITs of this HITTypeId.", metavar="ID")] = None,
    per_visit: Annotated[int | None, typer.Option(help="Finish after so many HITs.", metavar="N")] = None,
    most_workers: Annotated[int | None, typer.Option(help="Let at most so many people in.", metavar="N")] = None,
    single_use: Annotated[
        bool, typer.Option("--single-use", help="invite: only by the links of `channel invite`.")
    ] = False,
    expires_in_days: Days = None,
    requester: Requester = "",
) -> None:
    """Open a channel and print the link to give to people, or to paste into Prolific or Connect.

    labeljury marketplace channel add "Tea or coffee?" --kind prolific --code C1A2B3C4 --per-visit 10
    """
    from app.db import audit
    from app.marketplace import recruitment
    from app.marketplace.recruitment import NewChannel
    from app.marketplace.store import ChannelKind

    with opened() as service, service.database.transaction() as db:
        now = requesters.ready(service, db)
        new = NewChannel(
            name=name,
            kind=ChannelKind(kind),
            worker_parameter=parameter,
            completion_url=completion_url,
            completion_code=code,
            hit_type_id=hit_type,
            assignments_a_visit=per_visit,
            most_workers=most_workers,
            is_shared=not single_use,
            expires_at=_from_now(now, expires_in_days),
        )
        owner = requesters.owner(db, requester)
        made = recruitment.create(db, owner, new, now)
        audit.record(db, actor=BY, action="marketplace.channel_added", channel_id=made.id, requester_id=owner)
        number, link = made.id, recruitment.entry_link(made, service.settings.marketplace_url)
    if single_use:
        whose = f" --requester {shlex.quote(requester)}" if requester else ""
        command = f"labeljury marketplace channel invite {number}{whose}"
        console.print(f"Channel {number}. Make its links with: {command}", markup=False, soft_wrap=True)
    else:
        console.print(f"Channel {number}: {link}", markup=False)


@app.command("list")
def list_(requester: Requester = "") -> None:
    """List the channels with how far the people in them have come."""
    from app.marketplace import recruitment

    with opened() as service, service.database.transaction() as db:
        now = requesters.ready(service, db)
        found = recruitment.figures(db, requesters.owner(db, requester))
        for one in found:
            channel = one.channel
            console.print(
                f"{channel.id}  {channel.name}  ({channel.kind}, {recruitment.status_of(channel, now)}):"
                f" {counted(one.workers, 'Worker')}, {counted(one.visits, 'visit')}, {one.finished} finished,"
                f" {one.submitted} submitted, {one.approved} approved",
                markup=False,
            )
            if channel.is_shared:
                console.print(f"   {recruitment.entry_link(channel, service.settings.marketplace_url)}", markup=False)
    if not found:
        console.print("No channels yet: labeljury marketplace channel add NAME")


@app.command()
def close(number: Annotated[int, typer.Argument(help="The channel's number.")], requester: Requester = "") -> None:
    """Let nobody new in. Who is inside may finish."""
    from app.db import audit
    from app.marketplace import recruitment

    with opened() as service, service.database.transaction() as db:
        now = requesters.ready(service, db)
        owner = requesters.owner(db, requester)
        recruitment.close(db, owner, number, now)
        audit.record(db, actor=BY, action="marketplace.channel_closed", channel_id=number, requester_id=owner)
    console.print(f"Channel {number} is closed.")


@app.command()
def invite(
    number: Annotated[int, typer.Argument(help="The channel's number.")],
    people: Annotated[list[str] | None, typer.Argument(help="For whom, as you call them; one link each.")] = None,
    count: Annotated[int | None, typer.Option(help="Instead of names: how many links.", min=1, max=1000)] = None,
    expires_in_days: Days = None,
    requester: Requester = "",
) -> None:
    """Make links that let one person in each, and print them; they are not shown again."""
    from app.db import audit
    from app.marketplace import recruitment

    if people and count is not None:
        raise typer.BadParameter("give either names or --count")
    with opened() as service, service.database.transaction() as db:
        now = requesters.ready(service, db)
        owner = requesters.owner(db, requester)
        made = recruitment.invite(
            db,
            owner,
            number,
            people or [""] * (count or 1),
            now,
            marketplace_url=service.settings.marketplace_url,
            expires_at=_from_now(now, expires_in_days),
        )
        audit.record(db, actor=BY, action="marketplace.invited", channel_id=number, count=len(made))
    for one in made:
        console.print(f"{one.link}  {one.note}".rstrip(), markup=False)


def _from_now(now: datetime, days: float | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)
