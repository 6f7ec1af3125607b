"""The one list of consensus methods: their names, what each needs, and `aggregate`, which runs one by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from app.domain.consensus import (
    crowdlab,
    dawid_skene,
    glad,
    jury,
    mace,
    one_coin,
    plurality,
    quorum,
    wawa,
    worker_models,
)
from app.domain.consensus.families import as_voices
from app.domain.consensus.log_space import floored, tempered
from app.domain.consensus.outcome import NONE_WON, Floats, Labels, Outcome, leaders
from app.domain.consensus.temperature import ENOUGH_GOLD, gold_temperature
from app.domain.consensus.votes import Votes
from app.domain.plurals import counted
from app.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside the votes; every method takes from it what it needs.

    quorum: Responses that decide an Item (quorum alone). gold (I,): the known label of an Item or -1: with 50 or more
    the posterior's temperature is fitted on them. pred_probs (I, K): a model's probabilities, rows sum to 1 (crowdlab
    alone). families (W,): number of the family that a Worker belongs to (raters that share a base model, a household, a
    script), or -1; a family counts as one voice.
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


def _quorum(votes: Votes, side: Side) -> Outcome:
    if side.quorum < 1:
        raise InvalidInput([Problem("a quorum is at least 1", field="quorum")])
    return quorum.quorum_of_labels(votes, quorum=side.quorum)


def _wawa(votes: Votes, side: Side) -> Outcome:
    found = wawa.wawa(votes)
    answered = np.bincount(votes.item, minlength=votes.items) > 0
    return Outcome.of(wawa.NAME, floored(found.posterior()), answered, worker_accuracy=found.skill)


def _modelled(name: str, fit: Callable[[Votes], worker_models.Fitted]) -> Callable[[Votes, Side], Outcome]:
    return lambda votes, side: worker_models.judged(name, votes, fit(votes))


def _jury(votes: Votes, side: Side) -> Outcome:
    large = votes.workers * votes.labels**2 > dawid_skene.LARGEST
    fit = worker_models.fit_one_coin if large else worker_models.fit_dawid_skene
    model = worker_models.judged(jury.NAME, votes, fit(votes))
    if worker_models.has_collapsed(model):
        return model
    notes = (*model.notes, "one-coin in Dawid-Skene's place: too many labels for matrices") if large else model.notes
    posterior = jury.jury(votes, model.posterior)
    return replace(
        model, posterior=posterior, label=np.where(model.label >= 0, leaders(posterior), NONE_WON), notes=notes
    )


def _crowdlab(votes: Votes, side: Side) -> Outcome:
    probabilities = crowdlab.checked(side.pred_probs, votes.items, votes.labels)
    crowd, counts = _jury(votes, side), votes.counts()
    prior = plurality.class_frequencies(counts)
    posterior, temperature = crowdlab.with_model(crowd.posterior, prior, probabilities)
    label = np.where(plurality.plurality(votes).label == NONE_WON, NONE_WON, leaders(posterior))
    note = f"a model took part as a rater, at temperature {temperature:.1f}; where the answers tie it decides nothing"
    return replace(crowd, method=crowdlab.NAME, posterior=floored(posterior), label=label, notes=(*crowd.notes, note))


METHODS: tuple[Method, ...] = (
    Method(
        jury.NAME,
        "Dawid–Skene shrunk to the crowd, a quarter of it the counts",
        "doi:10.1214/aoms/1177704873",
        _jury,
        aliases=("default",),
        judges_workers=True,
    ),
    Method(quorum.NAME, "a label that enough Workers said", "arXiv:2103.14749", _quorum),
    Method(
        plurality.NAME,
        "most Responses; ties stay open",
        "-",
        lambda votes, side: plurality.plurality(votes),
        aliases=("majority", "majority-vote", "mv"),
    ),
    Method(wawa.NAME, "weighted by agreement with the plurality", "Appen", _wawa, judges_workers=True),
    Method(
        dawid_skene.NAME,
        "Dawid–Skene, each Worker's matrix shrunk to the crowd's",
        "doi:10.2307/2346806",
        _modelled(dawid_skene.NAME, worker_models.fit_dawid_skene),
        aliases=("ds",),
        judges_workers=True,
    ),
    Method(
        one_coin.NAME,
        "one-coin Dawid–Skene",
        "JMLR 17(102):1-44",
        _modelled(one_coin.NAME, worker_models.fit_one_coin),
        aliases=("one-coin-dawid-skene", "one-coin-ds"),
        judges_workers=True,
    ),
    Method(
        glad.NAME,
        "GLAD: able Workers, hard Items",
        "NeurIPS 22:2035-2043",
        _modelled(glad.NAME, worker_models.fit_glad),
        judges_workers=True,
    ),
    Method(
        mace.NAME,
        "MACE: knows, or says something of their own",
        "aclanthology.org/N13-1132",
        _modelled(mace.NAME, worker_models.fit_mace),
        judges_workers=True,
    ),
    Method(
        crowdlab.NAME,
        "the jury with a model as a further rater",
        "arXiv:2210.06812",
        _crowdlab,
        judges_workers=True,
        needs_pred_probs=True,
    ),
)

# For any file of task, worker, label; docs/consensus.md argues it from measurements.
DEFAULT = jury.NAME
# For counts, which do not say who answered.
DEFAULT_OF_COUNTS = plurality.NAME


def method_named(name: str) -> Method:
    """The method of that name or alias; case, `-`, `_` and spaces aside. Raises InvalidInput that lists the names."""
    wanted = _plain(name)
    for method in METHODS:
        if wanted in {_plain(known) for known in (method.name, *method.aliases)}:
            return method
    known_names = ", ".join(method.name for method in METHODS)
    raise InvalidInput([Problem(f"no consensus method {name!r}; there are {known_names}", field="method")])


def method_for_counts(name: str = DEFAULT_OF_COUNTS) -> Method:
    """As `method_named`, for counts. Raises InvalidInput also where the method weighs Workers: counts do not name them."""
    method = method_named(name)
    if method.judges_workers:
        fitting = " or ".join(known.name for known in METHODS if not known.judges_workers)
        message = (
            f"{method.name} weighs Workers by how they answer elsewhere, and counts do not say who answered: take {fitting},"
            " or give one row an answer with its worker"
        )
        raise InvalidInput([Problem(message, field="method")])
    return method


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

    The result depends on neither the order of the rows nor the names of the labels. Without any response every method
    gives the even prior, no winner and a note. Raises InvalidInput for an unknown method, where there is no label
    at all to choose from, and where what stands beside the votes does not fit them.
    """
    chosen = method_named(method)
    if votes.labels == 0:
        raise InvalidInput([Problem("there is no label to choose from: give at least one response")])
    if gold is not None:
        _check_gold(votes, gold)
    if not len(votes):
        return replace(
            plurality.plurality(votes), method=chosen.name, notes=("no responses: every label is as likely",)
        )
    voices, voice = as_voices(votes, families) if families is not None else (votes, None)
    outcome = chosen.run(voices, Side(quorum, gold, pred_probs, families))
    if voice is not None:
        outcome = _of_members(outcome, voice)
    return _tempered_on_gold(outcome, gold) if gold is not None else outcome


def _of_members(outcome: Outcome, voice: Labels) -> Outcome:
    """Every member of a family with the family's estimates."""
    accuracy, confusion = outcome.worker_accuracy, outcome.confusion
    return replace(
        outcome,
        worker_accuracy=None if accuracy is None else accuracy[voice],
        confusion=None if confusion is None else confusion[voice],
        notes=(*outcome.notes, "the workers of a family count as one voice"),
    )


def _tempered_on_gold(outcome: Outcome, gold: Labels) -> Outcome:
    known = np.count_nonzero(gold >= 0)
    temperature = gold_temperature(outcome.posterior, gold)
    if temperature is None:
        note = f"gold items: {known}, of {ENOUGH_GOLD} that a temperature needs, so none was fitted on them"
        return replace(outcome, notes=(*outcome.notes, note))
    note = f"temperature {temperature:.2f}, fitted on {counted(int(known), 'gold item')}"
    posterior = floored(tempered(outcome.posterior, temperature))
    return replace(outcome, posterior=posterior, notes=(*outcome.notes, note))


def _check_gold(votes: Votes, gold: Labels) -> None:
    if gold.shape != (votes.items,) or (gold.size and (gold.max() >= votes.labels or gold.min() < NONE_WON)):
        raise InvalidInput([Problem(f"wanted {votes.items} labels below {votes.labels}, or -1", field="gold")])


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in "-_ ")
