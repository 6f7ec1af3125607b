"""GLAD: some Workers are better than others, and some Items are harder than others."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.log_space import largest_move, normalised
from app.domain.consensus.outcome import Floats, Labels
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes

NAME = "glad"

# A Worker or an Item beyond this is as good as certain; without a bound the likelihood grows for ever.
_BOUND = 20.0


@dataclass(frozen=True, slots=True)
class Glad:
    """posterior (I, K), rows sum to 1; ability (W,): 0 guesses, below 0 contradicts; ease (I,): above 0, 0 nobody can tell."""

    posterior: Floats
    ability: Floats
    ease: Floats


def glad(votes: Votes, *, max_iterations: int = 100, steps: int = 4, tolerance: float = 1e-3) -> Glad:
    """Fit p(said = true | Worker w, Item i) = sigmoid(alpha_w beta_i), all wrong labels as likely, and infer the true ones.

    All labels are as likely beforehand. E step: a vote adds log(p (K - 1) / (1 - p)) to its label. M step: the expected log
    likelihood with the priors of the paper, alpha and log beta both normal about 1 with variance 1, is climbed in turn by
    `steps` scoring steps for all alpha and for all log beta: given the one, each of the other stands alone. Starts at the
    plurality's smoothed share; ends when no probability moved by `tolerance` and no parameter by ten times that.
    Source: Whitehill et al. 2009, NeurIPS 22:2035-2043 ("Whose vote should count more"), who climb by gradients; scoring:
    Fisher 1935, Annals of Eugenics 6:391-398.
    """
    labels, place = votes.labels, votes.item * votes.labels + votes.label
    posterior = smoothed_shares(votes.counts())
    alpha, log_beta = np.ones(votes.workers), np.ones(votes.items)
    for _ in range(max_iterations):
        right = posterior.ravel()[place]
        for _ in range(steps):
            ease = np.exp(log_beta)[votes.item]
            step = _step(alpha, right, _logit(alpha, ease, votes), ease, votes.worker)
            alpha = alpha + step
            logit = _logit(alpha, ease, votes)
            # Held at the bound: beyond it no answer changes, and the prior alone would count.
            easier = np.minimum(log_beta + _step(log_beta, right, logit, logit, votes.item), np.log(_BOUND))
            moved, log_beta = easier - log_beta, easier
        weight = _logit(alpha, np.exp(log_beta)[votes.item], votes) + np.log(max(labels - 1, 1))
        evidence = np.bincount(place, weight, votes.items * labels).astype(np.float64)
        before, posterior = posterior, normalised(evidence.reshape(-1, labels))
        still = max(
            largest_move(before, posterior), np.abs(step).max(initial=0) / 10, np.abs(moved).max(initial=0) / 10
        )
        if still < tolerance:
            break
    return Glad(posterior, alpha, np.exp(log_beta))


def _logit(alpha: Floats, ease: Floats, votes: Votes) -> Floats:
    """alpha_w beta_i of each vote (N,); `ease` (N,): beta_i of each."""
    return np.asarray(np.clip(alpha[votes.worker] * ease, -_BOUND, _BOUND))


def _step(found: Floats, right: Floats, logit: Floats, slope: Floats, of: Labels) -> Floats:
    """One scoring step for each parameter in `found`, which the votes `of` (N,) index: gradient by expected information.

    right (N,): p(the vote is right); slope (N,): how the vote's logit moves with its parameter. A step is cut at 1: far from
    the top the information says little.
    """
    likely = 1 / (1 + np.exp(-logit))
    gradient = np.bincount(of, (right - likely) * slope, len(found)) + 1 - found
    information = np.bincount(of, likely * (1 - likely) * slope**2, len(found)) + 1
    return np.asarray(np.clip(gradient / information, -1, 1))
