"""A crowd described in a small TOML file.

    workers = 60             # without it: the sum of the groups' numbers
    seed = 7
    key = "truth.jsonl"      # beside this file

    [arrival]
    day_s = 120              # a day in two minutes
    shape = "evening"

    [[group]]
    name = "radiologists"
    behaviour = "skilled"
    workers = 40
    [group.confusion.both]
    given = 0.2
    both = 0.8
    [group.labels.cat]
    cat = 0.9
    lynx = 0.1

    [[group]]
    behaviour = "llm"
    workers = 20
    right = 0.9

A group has its behaviour's preset; each trait that it names takes the preset's place.
"""

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.marketplace.crowd import answer_key, plan, traits
from app.marketplace.crowd.answer_key import Vote
from app.marketplace.crowd.arrivals import SHAPES, Arrival, DayShape
from app.marketplace.crowd.behaviours import Behaviour
from app.marketplace.crowd.errors import BadPlan
from app.marketplace.crowd.plan import CrowdPlan, Kind
from app.marketplace.crowd.traits import PRESETS, Traits

_MOST_PROBLEMS = 10
_ABOUT_A_GROUP = {"name", "behaviour", "workers"}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Arrival(_Table):
    day_s: float
    shape: DayShape | None = None
    hours: list[float] | None = None


class _Group(_Table):
    behaviour: Behaviour
    workers: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    name: Annotated[str, Field(min_length=1, max_length=50)] = ""
    way: traits.Way | None = None
    right: float | None = None
    cannot_tell: float | None = None
    confusion: dict[Vote, dict[Vote, float]] | None = None
    labels: dict[str, dict[str, float]] | None = None
    position_bias: float | None = None
    repeats: float | None = None
    group_of: int | None = None
    tires_after: int | None = None
    returns: float | None = None
    leaves: float | None = None
    median_ms: int | None = None
    spread: float | None = None


class _File(_Table):
    group: Annotated[list[_Group], Field(min_length=1)]
    workers: int | None = None
    seed: int = 0
    key: str | None = None
    replay: bool = False
    concurrency: int = 8
    max_assignments: int | None = None
    time_scale: float = 0.0
    patience_s: float = 10.0
    arrival: _Arrival | None = None
    enter: str = ""


def load(path: Path) -> CrowdPlan:
    """The crowd that the file describes, checked. Raises BadPlan naming the file and its faults, BadAnswerKey."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadPlan(f"{path}: cannot be read: {fault}") from fault
    return parse(text, name=str(path), beside=path.parent)


def parse(text: str, *, name: str = "plan", beside: Path = Path()) -> CrowdPlan:
    """The crowd in `text`; the answer key is looked for in the folder `beside`. Raises BadPlan, BadAnswerKey."""
    try:
        file = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise BadPlan(f"{name}: not TOML: {fault}") from fault
    except ValidationError as faults:
        raise BadPlan(_told(name, faults)) from faults
    wanted = _plan(file, name, beside)
    try:
        plan.check(wanted)
    except BadPlan as fault:
        raise BadPlan(f"{name}: {fault}") from fault
    return wanted


def _plan(file: _File, name: str, beside: Path) -> CrowdPlan:
    kinds = [_kind(group) for group in file.group]
    total = math.fsum(kind.weight for kind in kinds)
    if file.workers is None and not total.is_integer():
        raise BadPlan(
            f"{name}: the groups' workers sum to {total:g}; give whole numbers, or workers for the whole crowd"
        )
    return CrowdPlan(
        workers=int(total) if file.workers is None else file.workers,
        kinds=kinds,
        key=None if file.key is None else answer_key.load(beside / file.key),
        replay=file.replay,
        seed=file.seed,
        concurrency=file.concurrency,
        max_assignments=file.max_assignments,
        time_scale=file.time_scale,
        patience_s=file.patience_s,
        arrival=None if file.arrival is None else _arrival(file.arrival, name),
        enter=file.enter,
    )


def _kind(group: _Group) -> Kind:
    changed = group.model_dump(exclude_none=True, exclude=_ABOUT_A_GROUP)
    if group.labels is not None:
        changed["labels"] = traits.comparable(group.labels)
    # A new `right` would mean nothing beside the preset's matrix.
    if group.right is not None and group.confusion is None:
        changed["confusion"] = {}
    made: Traits = replace(PRESETS[group.behaviour], **changed)
    return Kind(group.name or group.behaviour.value, group.behaviour, group.workers, made)


def _arrival(table: _Arrival, name: str) -> Arrival:
    if table.shape is not None and table.hours is not None:
        raise BadPlan(f"{name}: arrival: give shape or hours, not both")
    return Arrival(table.day_s, table.hours or SHAPES[table.shape or DayShape.FLAT])


def _told(name: str, faults: ValidationError) -> str:
    found = faults.errors(include_url=False, include_context=False)
    lines = [f"{name}: {_problem(fault['loc'], fault['type'], fault['msg'])}" for fault in found[:_MOST_PROBLEMS]]
    more = len(found) - _MOST_PROBLEMS
    return "\n".join([*lines, *([f"… and {more} more"] if more > 0 else [])])


def _problem(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """A fault of the file as its writer reads it: `group 2: no key is called …`."""
    tables: dict[str, type[BaseModel]] = {"group": _Group, "arrival": _Arrival}
    table = tables.get(str(place[0]), _File) if place[1:] else _File
    where = " ".join([str(place[0]), *(str(part + 1) if isinstance(part, int) else part for part in place[1:])])
    if kind == "extra_forbidden":
        return f"no key is called {where!r}; there are {', '.join(table.model_fields)}"
    return f"{where}: {'is missing' if kind == 'missing' else message[:1].lower() + message[1:]}"
