"""What `labeljury crowd` may be asked for: the options with their help, and the crowd that they make together."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    from app.marketplace.crowd import CrowdPlan, Mix

_DEFAULT_WORKERS = 10
_DEFAULT_MIX = "careful=0.8,guessing=0.1,first=0.1"
_BEHAVIOURS = "How many of each behaviour"
_OWN_SERVER = "--yes-this-is-my-server"

HELP = """Send simulated Workers to the marketplace's worker site. They use it over HTTP, as browsers do.

`labeljury crowd --workers 9 --key truth.jsonl` · nine Workers, most of them careful

`labeljury crowd --careful 30 --llm 10 --bot 2 --day 120` · 42 Workers who arrive over a day of two minutes

`labeljury crowd --plan crowd.toml --workers 2000 --concurrency 64` · the crowd of a file, 2,000 of it

`labeljury crowd --enter "http://127.0.0.1:8701/enter/TOKEN?PROLIFIC_PID={worker}&STUDY_ID=s1&SESSION_ID={session}"`

A line of the key has one of `text`, `url` or `sha256` (of the media file's bytes), the two labels, and `truth` (given,
guessed, both or neither) or `votes`:

`{"text": "Milk first.", "given_label": "tea", "guessed_label": "coffee", "truth": "given"}`

`{"url": "https://…/1.png", "given_label": "cat", "guessed_label": "dog", "votes": {"guessed": 4, "neither": 1}}`

A plan has groups; each is a behaviour, and what is different about it (right, cannot_tell, confusion, labels,
position_bias, repeats, group_of, tires_after, returns, leaves, median_ms, spread). docs/crowd.md explains them.

`[[group]]` `behaviour = "llm"` `workers = 20` `right = 0.9`

Ctrl-C sends everybody home: they return what they hold, and the summary comes all the same.
"""


def _count(help: str) -> Any:  # typer's own type for an option
    return typer.Option(min=0, metavar="N", help=help, rich_help_panel=_BEHAVIOURS, show_default=False)


Url = Annotated[str | None, typer.Argument(help="The marketplace. Default: this installation's own.")]
Plan = Annotated[Path | None, typer.Option(help="A TOML file that describes the crowd, as above.")]
Workers = Annotated[int | None, typer.Option(help="How many simulated Workers. Default: 10, or as listed.")]
MixText = Annotated[str, typer.Option("--mix", help=f"Behaviours and their shares. Default: {_DEFAULT_MIX}.")]
Key = Annotated[Path | None, typer.Option(help="JSON Lines with what is true of each Item, as above.")]
Replay = Annotated[bool, typer.Option("--replay", help="Hand in exactly the votes that the key counts.")]
Seed = Annotated[int | None, typer.Option(help="Same seed, same Workers, same answers. Default: 1.")]
Concurrency = Annotated[int | None, typer.Option(help="Requests under way at a time. Default: 8.")]
Most = Annotated[int | None, typer.Option(help="Assignments each Worker submits at most.")]
TimeScale = Annotated[
    float | None, typer.Option(help="Share of the time for an answer that is really waited: 0 none, 1 all.")
]
Day = Annotated[float | None, typer.Option(help="Workers arrive over a day pressed into so many seconds.")]
Shape = Annotated[str, typer.Option(help="How busy the hours of that day are: flat, evening, office.")]
Patience = Annotated[float | None, typer.Option(help="Seconds to wait for work before leaving. Default: 10.")]
Enter = Annotated[
    str, typer.Option(help="Come in by this recruitment link; {worker} and {session} become ids of their own.")
]
Mine = Annotated[bool, typer.Option(_OWN_SERVER, help="Allow a marketplace that is not on this machine.")]
Careful = Annotated[int, _count("Ada: right in 93 of 100 Items.")]
Guessing = Annotated[int, _count("Bob: any of the four answers.")]
First = Annotated[int, _count("Mallory: always the first answer shown.")]
Slow = Annotated[int, _count("Sol: careful, a minute an Item.")]
Dropout = Annotated[int, _count("Dora: returns some HITs, closes the browser in the middle of others.")]
Skilled = Annotated[int, _count("Erin: better at some answers than at others.")]
Biased = Annotated[int, _count("Tove: leans towards the first answer shown.")]
Copying = Annotated[int, _count("Echo: groups of four who copy from one of them.")]
Llm = Annotated[int, _count("Max: all ask the same language model and share its mistakes.")]
Bot = Annotated[int, _count("Robin: a script, random and instant.")]
Same = Annotated[int, _count("Samir: one answer to everything.")]
Tiring = Annotated[int, _count("Nod: ever quicker and worse along the session.")]


def given(**options: object) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def key_of(path: Path | None) -> object:
    """The answer key, if there is one. Raises BadAnswerKey."""
    from app.marketplace.crowd import load

    return None if path is None else load(path)


def arriving(day_s: float | None, shape: str) -> dict[str, Any]:
    """When they come, if that was asked for."""
    from app.marketplace.crowd import Arrival, DayShape
    from app.marketplace.crowd.arrivals import SHAPES

    if day_s is None:
        return {}
    if shape not in set(DayShape):
        raise typer.BadParameter(f"{shape!r} is none of {', '.join(DayShape)}", param_hint="--shape")
    return {"arrival": Arrival(day_s, SHAPES[DayShape(shape)])}


def mix_of(mix: str, counts: tuple[int, ...], plan: Path | None) -> tuple[Mix | None, int]:
    """What the options say of the behaviours, None for nothing, and of how many Workers. They exclude one another."""
    from app.marketplace.crowd import Behaviour, parse_mix

    counted = {behaviour: float(count) for behaviour, count in zip(Behaviour, counts, strict=True) if count}
    given = {"--plan": plan is not None, "--mix": bool(mix), f"--{next(iter(counted), '')}": bool(counted)}
    together = [name for name, used in given.items() if used]
    if len(together) > 1:
        raise typer.BadParameter(f"{' and '.join(together)} say different things: who comes? Give one of them.")
    return counted or (parse_mix(mix) if mix else None), sum(counts) or _DEFAULT_WORKERS


def base(file: Path | None, workers: int | None, mix: Mix | None, listed: int) -> CrowdPlan:
    """The crowd of the file, or the one that the behaviours' options make."""
    from app.marketplace.crowd import CrowdPlan, parse_mix, plan_file

    if file is not None:
        planned = plan_file.load(file)
        return planned if workers is None else replace(planned, workers=workers)
    return CrowdPlan(
        workers=listed if workers is None else workers, mix=mix or parse_mix(_DEFAULT_MIX), seed=1, patience_s=10.0
    )


def checked(url: str, *, mine: bool, of: str) -> str:
    """The address when it is one of this machine, or the person vouches for it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as fault:
        raise typer.BadParameter(f"{url!r} is no address: {fault}", param_hint=of) from fault
    if parts.scheme not in {"http", "https"} or not host:
        raise typer.BadParameter(f"{url!r} is no address such as http://127.0.0.1:8701", param_hint=of)
    if not (mine or _on_this_machine(host)):
        raise typer.BadParameter(
            f"{host} is not this machine. Simulated Workers enrol and answer by the hundred, so they may only go to a"
            f" server of your own; if it is yours, add {_OWN_SERVER}.",
            param_hint=of,
        )
    return url


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
