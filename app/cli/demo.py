"""`labeljury demo`: the whole way in under two minutes, with real images, a real model and a simulated crowd."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, Opened, at_terminal, load_settings, opened
from app.cli.stack import Stack, port_is_free, sign_in_lines
from app.errors import ServiceError
from app.settings import MarketplaceProfile, Settings

if TYPE_CHECKING:
    from app.cli.demo_data import Digits, Suspects
    from app.domain.vocabulary import BatchId
    from app.marketplace.crowd import CrowdReport
    from app.pipeline.report import Progress

console = talking.console()

REWARD_USD = Decimal("0.05")
ITEMS_PER_HIT = 5
FINISHED_WITHIN_S = 180.0


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's data, database and results.")] = Path("demo-output"),
    planted: Annotated[
        int, typer.Option(help="Labels made wrong on purpose, so that there is something to find.")
    ] = 40,
    most: Annotated[int, typer.Option(help="Suspects to publish at most.")] = 100,
    seed: Annotated[int, typer.Option(help="Same seed, same data, same crowd.")] = 7,
    stay: Annotated[
        bool | None,
        typer.Option("--stay/--exit", help="Keep the console open afterwards. Default: at a terminal, yes."),
    ] = None,
) -> None:
    """Rehearse the whole way: MNIST digits → suspects → HITs → simulated Workers → consensus CSV. No money, no network."""
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    digits, suspects, items, key = _prepare(out, planted=planted, most=most, seed=seed)
    target = out / "consensus.csv"
    with ExitStack() as running:
        service = running.enter_context(opened(_settings(out), migrate=True))
        stack = running.enter_context(Stack(service, log=out / "services.log"))
        console.print(f"Console {service.settings.web_url} · marketplace {service.settings.marketplace_url}")
        batch_id = _publish(service, items, seed)
        crowd = _send_crowd(service, batch_id, key, seed)
        progress = _wait_until_done(service, batch_id)
        _export(service, batch_id, target)
        _summary(service, progress, crowd, digits, suspects)
        console.print(f"Took {time.monotonic() - began:.0f} s.")
        if stay if stay is not None else at_terminal() and not os.environ.get("EXIT"):
            stack.announce()
            console.print(f"The Batch: {service.settings.web_url}/batches/{batch_id}")
            console.print(f"The consensus: {target.absolute()}", soft_wrap=True)
            stack.wait()
        else:
            _show_first_account(stack)
    console.print(f"Its report: {report_command(service.settings, batch_id)}", soft_wrap=True, markup=False)
    console.print(str(target.absolute()), soft_wrap=True)


def report_command(settings: Settings, batch_id: BatchId) -> str:
    """What a shell takes, in the folder that the demo ran in, to write the Batch's report: the demo's place is its own."""
    database = "" if load_settings().database_url is None else "DATABASE_URL= "
    return f"{database}LABELJURY_DATA_DIR={shlex.quote(str(settings.data_dir))} labeljury report {batch_id}"


def _show_first_account(stack: Stack) -> None:
    """The first demo makes the Account, and only it can show the password that later ones are signed in with."""
    if stack.first_account is not None:
        console.print("To look at it in the console, run the demo again with --stay (`make demo` at a terminal stays).")
        for line in sign_in_lines(stack.first_account):
            console.print(line)


def _prepare(out: Path, *, planted: int, most: int, seed: int) -> tuple[Digits, Suspects, Path, Path]:
    """Data, model and files. The folder of an earlier demo is used again, its database included."""
    import numpy as np

    from app.cli import demo_data

    with console.status("Training a model on 5,000 MNIST digits and looking for doubtful labels …"):
        digits = demo_data.load_digits(planted=planted, rng=np.random.default_rng(seed))
        suspects = demo_data.find_suspects(digits, most=most)
        shutil.rmtree(out / "data-set", ignore_errors=True)
        items, key = demo_data.write_files(out / "data-set", digits, suspects)
    found = len(set(digits.planted) & set(suspects.index))
    console.print(
        f"5,000 MNIST digits, {planted} of their labels made wrong on purpose; confident learning suspects"
        f" {len(suspects.index)}, {found} of the planted ones among them."
    )
    return digits, suspects, items, key


def _settings(out: Path) -> Settings:
    """A database and ports of the demo's own: it touches nothing else on this machine."""
    base = load_settings()
    return load_settings(
        database_url=None,
        data_dir=out / "installation",
        marketplace_profile=MarketplaceProfile.LOCAL,
        web_port=_free_port(base.web_port),
        marketplace_port=_free_port(base.marketplace_port),
        poll_interval_s=1,
        log_level="INFO",
    )


def _free_port(wanted: int) -> int:
    """The port that is wanted, or the next one that nobody uses."""
    for port in range(wanted, min(wanted + 200, 65_536), 10):
        if port_is_free(port):
            return port
    raise ServiceError(f"no free port near {wanted}; set LABELJURY_WEB_PORT and LABELJURY_MARKETPLACE_PORT")


def _publish(service: Opened, items: Path, seed: int) -> BatchId:
    from app.cli.batch import import_batch
    from app.mturk.client import connect
    from app.pipeline import batches
    from app.questions import catalogue

    new = batches.NewBatch(
        name="MNIST digits (demo)",
        template=catalogue.load("image"),
        profile=MarketplaceProfile.LOCAL,
        reward_usd=REWARD_USD,
        items_per_hit=ITEMS_PER_HIT,
        seed=seed,
    )
    batch_id, count = import_batch(service, new, items, items.parent)
    with service.database.transaction() as db:
        cost = batches.forecast(db, batch_id)
    batches.launch(service.database, partial(connect, service.settings), batch_id, by=BY, settings=service.settings)
    console.print(
        f"Batch {batch_id}: {count} Items in {cost.hits} HITs published through boto3, cap {talking.dollars(cost.total_usd)}."
    )
    return batch_id


def _send_crowd(service: Opened, batch_id: BatchId, key: Path, seed: int) -> CrowdReport:
    from app.cli.crowd_progress import run_with_progress
    from app.marketplace import crowd
    from app.pipeline import batches

    with service.database.transaction() as db:
        expected = batches.forecast(db, batch_id).assignments
    mix = crowd.parse_mix("careful=0.78,guessing=0.11,first=0.11")
    plan = crowd.CrowdPlan(workers=9, mix=mix, key=crowd.load(key), seed=seed, concurrency=8, patience_s=8.0)
    report = run_with_progress(service.settings.marketplace_url, plan, expected=expected)
    console.print(f"{report.workers} simulated Workers submitted {report.submitted} Assignments over HTTP.")
    for problem in report.errors[:5]:
        console.print(f"problem: {problem}", style="yellow", markup=False)
    return report


def _wait_until_done(service: Opened, batch_id: BatchId) -> Progress:
    from app.domain.vocabulary import BatchStatus
    from app.pipeline import report

    deadline = time.monotonic() + FINISHED_WITHIN_S
    with console.status("Collecting, approving, computing the consensus …"):
        while True:
            with service.database.transaction() as db:
                progress = report.progress(db, batch_id)
            if progress.status == BatchStatus.DONE:
                return progress
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"Batch {batch_id} is {progress.status} after {FINISHED_WITHIN_S:.0f} s; see services.log"
                )
            time.sleep(0.5)


def _export(service: Opened, batch_id: BatchId, target: Path) -> None:
    from app.pipeline import export

    with service.database.transaction() as db, target.open("wb") as file:
        file.writelines(export.consensus_csv(db, batch_id))


def _summary(service: Opened, progress: Progress, crowd: CrowdReport, digits: Digits, suspects: Suspects) -> None:
    """The study's categories, what the planted errors became, and the cost it would have had."""
    from sqlalchemy import text

    from app.cli.progress import show_categories

    show_categories(console, progress.categories)
    with service.database.transaction() as db:
        found = db.execute(
            text(
                "SELECT i.external_id FROM items i JOIN consensus c ON c.item_id = i.id"
                " WHERE i.batch_id = :id AND c.category <> 'non-error'"
            ),
            {"id": progress.batch_id},
        ).scalars()
        errors = set(found)
    planted = {f"digit-{index:05d}" for index in set(digits.planted) & set(suspects.index)}
    agreement = 0.0 if progress.agreement is None else progress.agreement
    console.print(
        f"{len(planted & errors)} of the {len(planted)} planted errors shown to Workers were confirmed as errors;"
        f" mean agreement {agreement:.0%}."
    )
    money = progress.money
    console.print(
        f"On MTurk this would have cost {talking.dollars(money.spent_usd)} ({crowd.submitted} Assignments at ${REWARD_USD}"
        " plus fees); here it cost nothing."
    )
