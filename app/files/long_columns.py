"""Which column of a long file is the task, which the worker, which the label: the names that such files use."""

from collections.abc import Sequence
from enum import StrEnum

from app.errors import InvalidInput, Problem


class Role(StrEnum):
    """What a column of a long file holds; the value is its name in files that we write, as in crowd-kit's."""

    TASK = "task"
    WORKER = "worker"
    LABEL = "label"
    TRUTH = "truth"  # a known right label
    FAMILY = "family"  # raters that share errors


ANSWER_ROLES = (Role.TASK, Role.WORKER, Role.LABEL)

# A column of how often: beside a worker it makes of a file two forms at once.
COUNT_NAMES = frozenset({"count", "counts", "votes", "n_votes", "num_votes"})

# In the order of preference: where a file has two of a role, the first named here is read.
ALIASES: dict[Role, tuple[str, ...]] = {
    Role.TASK: ("task", "item", "question", "example", "instance", "object", "unit", "hit", "id"),
    Role.WORKER: ("worker", "annotator", "rater", "labeler", "labeller", "performer", "judge", "coder", "user"),
    Role.LABEL: (
        "label",
        "answer",
        "response",
        "annotation",
        "judgment",
        "judgement",
        "vote",
        "choice",
        "class",
        "rating",
    ),
    Role.TRUTH: ("label", "truth", "true_label", "gold", "gold_label", "ground_truth", "gt", "answer", "class"),
    Role.FAMILY: ("family", "group"),
}


def known_names() -> str:
    """The names of a long file's three columns, for help texts."""
    return "; ".join(f"{role}: {', '.join(ALIASES[role])}" for role in ANSWER_ROLES)


def known_columns(columns: Sequence[str], roles: Sequence[Role]) -> dict[Role, str]:
    """The column of each role that has one, by name."""
    plain: dict[str, str] = {}
    for column in columns:
        plain.setdefault(_plain(column), column)
    return {role: plain[name] for role in roles for name in reversed(_names(role)) if name in plain}


def is_count(name: str) -> bool:
    """The column says how often, not who or what."""
    return name.strip().casefold() in COUNT_NAMES


def find_columns(columns: Sequence[str], roles: Sequence[Role], *, file: str) -> dict[Role, str]:
    """The column of each role, by name. Raises InvalidInput that says which are missing and which were found."""
    found = known_columns(columns, roles)
    missing = [role for role in roles if role not in found]
    if missing:
        listed = ", ".join(repr(column) for column in columns) or "none"
        wanted = "; ".join(f"{ALIASES[role][0]} (or {', '.join(ALIASES[role][1:])})" for role in missing)
        raise InvalidInput([Problem(f"columns are missing: {wanted}. Columns found: {listed}", field=file)])
    return found


def named_columns(columns: Sequence[str], wanted: str, roles: Sequence[Role], *, file: str) -> dict[Role, str]:
    """The columns that somebody named, by commas, in the order of the roles. Raises InvalidInput."""
    names = [name.strip() for name in wanted.split(",")]
    if len(names) != len(roles):
        raise InvalidInput([Problem(f"names {len(names)} columns; wanted {','.join(roles)}", field="--columns")])
    if len(set(names)) < len(names):
        raise InvalidInput([Problem(f"names a column twice: {wanted}; wanted {','.join(roles)}", field="--columns")])
    if absent := [name for name in names if name not in columns]:
        listed = ", ".join(repr(column) for column in columns)
        raise InvalidInput([Problem(f"no column {absent[0]!r}. Columns found: {listed}", field=file)])
    return dict(zip(roles, names, strict=True))


def _names(role: Role) -> list[str]:
    return [_plain(name) for name in ALIASES[role]]


def _plain(name: str) -> str:
    """`Task_ID`, `taskId` and `task` are one; `id` stays `id`."""
    letters = "".join(character for character in name.casefold() if character.isalnum())
    return letters.removesuffix("id") or letters
