"""`labeljury reconcile`: our tables against the marketplace; and backup and restore, which it makes safe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, at_terminal, opened
from app.cli.talking import dollars
from app.domain.plurals import counted
from app.settings import MarketplaceProfile

if TYPE_CHECKING:
    from app.cli.opening import Opened
    from app.jobs.reconciling import Reconciled
    from app.jobs.runtime import Runtime
    from app.pipeline.reconcile import Money

console = talking.console()
EXIT_DIFFERENCES = 1


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(reconcile)
    app.command()(backup)
    app.command()(restore)


def reconcile(
    batch: Annotated[int | None, typer.Option(help="Only this Batch. Default: all of the profile.")] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Put right what is safe: adopt, collect, book, expire. Never pays or deletes."),
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Look at every HIT's answers and bonuses, not only at those that differ.")
    ] = False,
    expire_strays: Annotated[
        bool, typer.Option("--expire-strays", help="Expire HITs that carry our annotation and belong to no Batch here.")
    ] = False,
    even_so: Annotated[
        bool,
        typer.Option("--even-so", help="With --repair, after a restore: go on although some HITs could not be read."),
    ] = False,
    accept: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Leave this difference as it is and ask no more about it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Expire strays without asking.")] = False,
    profile: Annotated[MarketplaceProfile | None, typer.Option(help="Default: LABELJURY_MARKETPLACE_PROFILE.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare our tables with the marketplace and name every difference, with what to do about it.

    Nothing is changed without --repair. Job runners do the same by themselves once an hour, with the safe repairs. Ends
    with code 0 where nothing differs, 1 where differences are left.
    """
    from app.jobs.runtime import Runtime

    with opened() as service:
        runtime = Runtime(service.settings, service.database)
        name = _profile_of(service, batch) or profile or service.settings.marketplace_profile
        if accept is not None:
            _accept(service, accept)
        done = _compare(runtime, name, batch, deep=deep, repair=repair, even_so=even_so)
        if expire_strays and done.comparison.strays:
            done = _expire_strays(runtime, name, batch, done, yes=yes)
    if as_json:
        typer.echo(json.dumps(_as_json(done), indent=2))
    else:
        _show(done, repair=repair)
    if done.left or done.comparison.not_looked_into:
        raise typer.Exit(EXIT_DIFFERENCES)


def _profile_of(service: Opened, batch: int | None) -> MarketplaceProfile | None:
    """A Batch's own profile. Raises NotFound."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches

    if batch is None:
        return None
    with service.database.transaction() as db:
        return MarketplaceProfile(batches.get(db, BatchId(batch)).profile)


def _accept(service: Opened, number: int) -> None:
    from app.db import known_differences

    with service.database.transaction() as db:
        accepted = known_differences.accept(db, number, by=BY)
    talking.console(stderr=True).print(f"Accepted: {accepted.kind} {accepted.subject}.", markup=False)


def _compare(
    runtime: Runtime,
    profile: str,
    batch: int | None,
    *,
    deep: bool = False,
    repair: bool = False,
    even_so: bool = False,
) -> Reconciled:
    """One comparison behind a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    from app.domain.vocabulary import BatchId
    from app.jobs import reconciling

    columns = (TextColumn("Comparing HITs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with talking.progress_bar(*columns) as bar:
        shown = bar.add_task("", total=None)
        return reconciling.reconcile_now(
            runtime,
            profile,
            batch_id=None if batch is None else BatchId(batch),
            deep=deep,
            repair=repair,
            even_so=even_so,
            watch=lambda done, total: bar.update(shown, completed=done, total=total),
        )


def _expire_strays(runtime: Runtime, profile: str, batch: int | None, done: Reconciled, *, yes: bool) -> Reconciled:
    """Show them, ask, expire, and compare again."""
    from app.jobs import reconciling

    strays = done.comparison.strays
    for hit in strays:
        typer.echo(f"{hit.hit_id}  {hit.annotation}  {counted(hit.submitted, 'answer')}", err=True)
    question = f"Expire {counted(len(strays), 'HIT')}? Another installation with this account may still want them."
    if not yes and not (at_terminal() and typer.confirm(question, err=True)):
        raise typer.BadParameter("say --yes to expire these HITs where nobody can be asked")
    expired = reconciling.expire_strays(runtime, profile, done.comparison)
    talking.console(stderr=True).print(f"{counted(expired, 'HIT')} expired.")
    return _compare(runtime, profile, batch)


def _show(done: Reconciled, *, repair: bool) -> None:
    seen = done.comparison
    looked = (
        f"{counted(seen.hits_compared, 'HIT')} of ours, {seen.hits_listed} listed, {seen.hits_looked_into} looked into"
    )
    console.print(f"{done.endpoint_url}: {looked}.", markup=False)
    for finding in done.repaired:
        console.print(f"Repaired  {finding.kind}  {finding.details}", markup=False)
    for difference in done.left:
        console.print(f"#{difference.id}  {difference.kind}", style="yellow", markup=False)
        console.print(f"    {difference.details}", markup=False)
    for hit_id, why in seen.not_looked_into.items():
        console.print(f"HIT {hit_id} could not be looked into: {why}", style="yellow", markup=False)
    if seen.money is not None:
        console.print(_money(seen.money), markup=False)
    console.print(_verdict(done, repair=repair), markup=False)


def _money(money: Money) -> str:
    available = f"The account has {dollars(money.available_usd)} available"
    if money.on_hold_usd is None:
        may_cost = f"our live HITs may still cost {dollars(money.ours_on_hold_usd)}"
        return f"{available}; what is on hold is not said, {may_cost}."
    others = money.others_on_hold_usd
    said = f"{available} and {dollars(money.on_hold_usd)} on hold, {dollars(money.ours_on_hold_usd)} of it for our live HITs"
    if others == 0 or others is None:
        return f"{said}."
    if others > 0:
        return f"{said}; {dollars(others)} are for HITs that are not ours."
    return f"{said}; {dollars(-others)} that our ledger reserves are not on hold there (work in flight, or a HIT that is over)."


def _verdict(done: Reconciled, *, repair: bool) -> str:
    if not done.left and not done.comparison.not_looked_into:
        return (
            "Nothing differs."
            if not done.repaired
            else f"{counted(len(done.repaired), 'difference')} repaired, none left."
        )
    left = f"{counted(len(done.left), 'difference')} left"
    if repair:
        return f"{left}. What is left needs your decision; `labeljury reconcile --accept NUMBER` leaves one as it is."
    return f"{left}. `labeljury reconcile --repair` puts right what is safe, `--accept NUMBER` leaves one as it is."


def _as_json(done: Reconciled) -> dict[str, object]:
    seen, money = done.comparison, done.comparison.money
    return {
        "endpoint_url": done.endpoint_url,
        "hits": {"ours": seen.hits_compared, "listed": seen.hits_listed, "looked_into": seen.hits_looked_into},
        "repaired": [
            {"kind": f.kind, "subject": f.subject, "batch_id": f.batch_id, "details": f.details} for f in done.repaired
        ],
        "differences": [
            {"id": d.id, "kind": d.kind, "subject": d.subject, "batch_id": d.batch_id, "details": d.details}
            for d in done.left
        ],
        "not_looked_into": {str(hit_id): why for hit_id, why in seen.not_looked_into.items()},
        "strays": [hit.hit_id for hit in seen.strays],
        "money": None
        if money is None
        else {
            "available_usd": str(money.available_usd),
            "on_hold_usd": None if money.on_hold_usd is None else str(money.on_hold_usd),
            "ours_on_hold_usd": str(money.ours_on_hold_usd),
        },
    }


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
) -> None:
    """Write the whole database to one file, with everything running. Imported media and the secret are files beside it."""
    from app.db import backups

    with opened() as service:
        size = backups.backup(service.database_url, file, data_dir=service.settings.data_dir)
    console.print(
        f"{file}: {size / 1e6:,.1f} MB. Keep it with {service.settings.data_dir / 'secret.key'} and the media."
    )


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `labeljury backup` wrote.")],
) -> None:
    """Read a backup into an empty database, with nothing running. Job runners then compare it with the marketplace first."""
    from app.cli.opening import database_url, load_settings
    from app.db import backups

    settings = load_settings()
    with database_url(settings) as url:
        backups.restore(url, file, data_dir=settings.data_dir)
    console.print(
        f"{file} is restored. Next: labeljury reconcile --repair, or start the job runners, which do that first."
    )
