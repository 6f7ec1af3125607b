"""Models of Workers as outcomes: fitted, watched by the collapse alarm, and tempered by what held-out votes say."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus import dawid_skene, glad, mace, one_coin, wawa
from app.domain.consensus.collapse import collapse_of
from app.domain.consensus.log_space import floored, tempered
from app.domain.consensus.outcome import Floats, Outcome
from app.domain.consensus.plurality import plurality
from app.domain.consensus.temperature import held_out_temperature
from app.domain.consensus.votes import Votes

_COLLAPSED = "collapsed: "


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a model of Workers found. likelihood: for indices of votes (n,), p(said | true = k), (n, K)."""

    posterior: Floats
    likelihood: Callable[[NDArray[np.intp]], Floats]
    accuracy: Floats
    confusion: Floats | None


def judged(name: str, votes: Votes, fitted: Fitted) -> Outcome:
    """The outcome of a fitted model: the plurality's where it collapsed, else its posterior at the held-out temperature."""
    accuracy = np.where(np.bincount(votes.worker, minlength=votes.workers) > 0, fitted.accuracy, np.nan)
    if reason := collapse_of(votes, fitted.posterior, fitted.accuracy):
        note = f"{_COLLAPSED}{reason}; fell back to plurality"
        return replace(plurality(votes), method=name, worker_accuracy=wawa.wawa(votes).skill, notes=(note,))
    temperature = held_out_temperature(votes, fitted.posterior, fitted.likelihood)
    posterior = floored(tempered(fitted.posterior, temperature))
    note = f"temperature {temperature:.2f}, fitted on held-out votes"
    answered = np.bincount(votes.item, minlength=votes.items) > 0
    return Outcome.of(name, posterior, answered, worker_accuracy=accuracy, confusion=fitted.confusion, notes=(note,))


def has_collapsed(outcome: Outcome) -> bool:
    """The outcome is a fall back."""
    return any(note.startswith(_COLLAPSED) for note in outcome.notes)


def fit_dawid_skene(votes: Votes) -> Fitted:
    """Shrunk Dawid-Skene; a Worker's accuracy is p(right) on an Item drawn from the fitted classes."""
    found = dawid_skene.dawid_skene(votes)
    return _of_matrices(votes, found.posterior, found.confusion, found.prior)


def fit_one_coin(votes: Votes) -> Fitted:
    """One-coin Dawid-Skene."""
    found = one_coin.one_coin(votes)
    return Fitted(found.posterior, _even_errors(votes, found.accuracy[votes.worker]), found.accuracy, None)


def fit_mace(votes: Votes) -> Fitted:
    """MACE; a Worker's accuracy is p(known) + p(guessed right), all labels being as likely."""
    found = mace.mace(votes)
    spoken = (1 - found.competence)[:, None] * found.habit
    accuracy = found.competence + spoken.mean(axis=1)

    def likelihood(chosen: NDArray[np.intp]) -> Floats:
        worker, label = votes.worker[chosen], votes.label[chosen]
        rows = np.repeat(spoken[worker, label][:, None], votes.labels, axis=1)
        rows[np.arange(len(chosen)), label] += found.competence[worker]
        return rows

    return Fitted(found.posterior, likelihood, accuracy, None)


def fit_glad(votes: Votes) -> Fitted:
    """GLAD; a Worker's accuracy is the mean of p(right) over the Items that were answered."""
    found = glad.glad(votes)
    right = 1 / (1 + np.exp(-np.clip(found.ability[votes.worker] * found.ease[votes.item], -20, 20)))
    answers = np.bincount(votes.worker, minlength=votes.workers)
    accuracy = np.bincount(votes.worker, right, votes.workers) / np.maximum(answers, 1)
    return Fitted(found.posterior, _even_errors(votes, right), np.asarray(accuracy, dtype=np.float64), None)


def _of_matrices(votes: Votes, posterior: Floats, matrices: Floats, prior: Floats) -> Fitted:
    accuracy = np.einsum("k,wkk->w", prior, matrices)
    return Fitted(posterior, lambda chosen: matrices[votes.worker[chosen], :, votes.label[chosen]], accuracy, matrices)


def _even_errors(votes: Votes, right: Floats) -> Callable[[NDArray[np.intp]], Floats]:
    """p(said | true) where a vote is right with `right` (N,) and all wrong labels are as likely."""

    def likelihood(chosen: NDArray[np.intp]) -> Floats:
        share = np.clip(right[chosen], 1e-9, 1 - 1e-9)
        rows = np.repeat(((1 - share) / max(votes.labels - 1, 1))[:, None], votes.labels, axis=1)
        rows[np.arange(len(chosen)), votes.label[chosen]] = share
        return rows

    return likelihood
