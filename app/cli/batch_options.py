"""The options of `labeljury batch create`, each with its help."""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.settings import MarketplaceProfile


def usd(text: str | Decimal) -> Decimal:
    """An amount in dollars such as 0.05."""
    try:
        return Decimal(str(text).lstrip("$"))
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text!r} is no amount; write it like 0.05") from error


class FileFormat(StrEnum):
    """What import reads: `ItemFormat` again, whose module is too slow to load for commands that import nothing."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


FileOption = Annotated[
    Path, typer.Argument(help="CSV, JSON Lines or Parquet with id, media, given_label, guessed_label.")
]
FormatOption = Annotated[FileFormat | None, typer.Option(help="Default: by the file's name.")]
TemplateOption = Annotated[str, typer.Option(help="The question: image, text or audio (`labeljury templates`).")]
NameOption = Annotated[str | None, typer.Option(help="What you call it. Default: the file's name.")]
RewardOption = Annotated[
    Decimal | None,
    typer.Option(parser=usd, metavar="USD", help="Paid per Assignment. Default: 0.05, or what --hourly comes to."),
]
HourlyOption = Annotated[
    Decimal | None,
    typer.Option(parser=usd, metavar="USD", help="What an hour should earn: proposes the reward from measured time."),
]
TopUpOption = Annotated[
    bool, typer.Option("--top-up", help="At the end pay who got less than --hourly the difference, as a bonus.")
]
AssignmentsOption = Annotated[int, typer.Option(help="Workers per Item.")]
ItemsPerHitOption = Annotated[int, typer.Option(help="Items shown on one page.")]
QuorumOption = Annotated[int, typer.Option(help="Responses that decide an Item.")]
CapOption = Annotated[
    Decimal | None, typer.Option(parser=usd, metavar="USD", help="Hard limit. Default: the most it can cost.")
]
FirstOption = Annotated[
    int | None,
    typer.Option(
        help="Ask this many Workers per Item at once, and more (up to --assignments) only while the outcome is open."
    ),
]
RepostLimitOption = Annotated[
    int, typer.Option(help="Offer a HIT that came back unfilled, or lost an answer, again this often at most.")
]
PilotOption = Annotated[
    int | None, typer.Option(help="Publish this many Items first, drawn at random; the rest when released.")
]
ReleaseAtOption = Annotated[
    float | None,
    typer.Option(help="Release the rest by itself when the pilot's mean agreement reaches this share, such as 0.8."),
]
MastersOption = Annotated[
    bool, typer.Option("--masters", help="Ask for Masters alone; the marketplace's fee is 5 % of the reward higher.")
]
ExcludeWorkersOfOption = Annotated[
    str,
    typer.Option(metavar="BATCHES", help="Keep out who worked on these Batches: 3,4. Nobody is sent an e-mail."),
]
TitleOption = Annotated[str | None, typer.Option(help="What Workers see in the list. Default: the template's.")]
LifetimeDaysOption = Annotated[float, typer.Option(help="Days that HITs stay open.")]
DaysUntilApprovalOption = Annotated[
    float,
    typer.Option(
        help="Days until the marketplace approves and pays work that nobody decided; 0 is at once, 30 the most."
    ),
]
MinutesOption = Annotated[float, typer.Option(help="Minutes that a Worker has for one HIT.")]
ReviewOption = Annotated[
    str,
    typer.Option(
        metavar="POLICY",
        help="Who is paid: approve_all, hold (you decide), gold:0.8 (share of right answers on gold Items) or"
        " agreement:0.7 (with most of the others). More: gold:0.8,after=5,reject_below=0.3",
    ),
]
MediaRootOption = Annotated[Path | None, typer.Option(help="Folder of local media. Default: the file's folder.")]
ProfileOption = Annotated[MarketplaceProfile | None, typer.Option(help="Default: LABELJURY_MARKETPLACE_PROFILE.")]
SeedOption = Annotated[int | None, typer.Option(help="Draws which label is shown as which; recorded.")]
