"""The one list of consensus methods: their names, what each needs, and `aggregate`, which runs one by name."""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.consensus import plurality
from app.domain.consensus.outcome import Floats, Labels, Outcome
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside the votes; every method takes from it what it needs.

    quorum: Responses that decide an Item (quorum alone). gold (I,): the known label of an Item or -1.
    pred_probs (I, K): a model's probabilities, rows sum to 1. families (W,): number of the family that a Worker belongs to
    (raters that share a base model, a household, a script), or -1; a family counts as one voice.
    """

    quorum: int = 3
    gold: Labels | None = None
    pred_probs: Floats | None = None
    families: Labels | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One line of the list. `judges_workers`: it also estimates how good each Worker is."""

    name: str
    title: str
    source: str
    run: Callable[[Votes, Side], Outcome]
    aliases: tuple[str, ...] = ()
    judges_workers: bool = False
    needs_pred_probs: bool = False


METHODS: tuple[Method, ...] = (
    Method(
        plurality.NAME,
        "most Responses; ties stay open",
        "-",
        lambda votes, side: plurality.plurality(votes),
        aliases=("majority", "majority-vote", "mv"),
    ),
)

# For any file of task, worker, label; docs/consensus.md argues it from measurements.
DEFAULT = plurality.NAME


def method_named(name: str) -> Method:
    """The method of that name or alias; case, `-`, `_` and spaces aside. Raises InvalidInput that lists the names."""
    wanted = _plain(name)
    for method in METHODS:
        if wanted in {_plain(known) for known in (method.name, *method.aliases)}:
            return method
    known_names = ", ".join(method.name for method in METHODS)
    raise InvalidInput([Problem(f"no consensus method {name!r}; there are {known_names}", field="method")])


def aggregate(
    votes: Votes,
    method: str = DEFAULT,
    *,
    quorum: int = 3,
    gold: Labels | None = None,
    pred_probs: Floats | None = None,
    families: Labels | None = None,
) -> Outcome:
    """The consensus on `votes` by the method of that name; the other arguments as in `Side`.

    Raises InvalidInput for an unknown method, and where there is no label at all to choose from.
    """
    chosen = method_named(method)
    if votes.labels == 0:
        raise InvalidInput([Problem("there is no label to choose from: give at least one response")])
    return chosen.run(votes, Side(quorum, gold, pred_probs, families))


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in "-_ ")
