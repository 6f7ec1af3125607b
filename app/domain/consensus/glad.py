"""GLAD: some Workers are better than others, and some Items are harder than others."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.log_space import largest_move, normalised
from app.domain.consensus.outcome import Floats
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


def glad(votes: Votes, *, max_iterations: int = 25, steps: int = 10, tolerance: float = 1e-3) -> Glad:
    """Fit p(said = true | Worker w, Item i) = sigmoid(alpha_w beta_i), all wrong labels as likely, and infer the true ones.

    All labels are as likely beforehand. E step: a vote adds log(p (K - 1) / (1 - p)) to its label. M step: alpha and
    log beta by quasi-Newton ascent of the expected log likelihood, with the priors of the paper, both normal about 1 with
    variance 1. Starts at the plurality's smoothed share. `steps` bounds each M step: the next one goes on from there.
    Source: Whitehill et al. 2009, NeurIPS 22:2035-2043 ("Whose vote should count more").
    """
    from scipy.optimize import minimize  # late: the command line starts without it

    labels, place = votes.labels, votes.item * votes.labels + votes.label
    posterior = smoothed_shares(votes.counts())
    found = np.ones(votes.workers + votes.items)  # alpha, then log beta
    for _ in range(max_iterations):
        right = posterior.ravel()[place]
        fit = minimize(_loss, found, (votes, right), "L-BFGS-B", jac=True, options={"maxiter": steps})
        found = np.asarray(fit.x)
        logit = _logit(found, votes)
        weight = logit + np.log(max(labels - 1, 1))
        evidence = np.bincount(place, weight, votes.items * labels).astype(np.float64)
        before, posterior = posterior, normalised(evidence.reshape(-1, labels))
        if largest_move(before, posterior) < tolerance:
            break
    return Glad(posterior, found[: votes.workers], np.exp(found[votes.workers :]))


def _logit(found: Floats, votes: Votes) -> Floats:
    """alpha_w beta_i of each vote (N,)."""
    ease = np.exp(np.minimum(found[votes.workers :], np.log(_BOUND)))
    return np.asarray(np.clip(found[votes.worker] * ease[votes.item], -_BOUND, _BOUND))


def _loss(found: Floats, votes: Votes, right: Floats) -> tuple[float, Floats]:
    """Minus the expected log posterior of alpha and log beta, and its gradient; `right` (N,): p(the vote is right)."""
    ease = np.exp(np.minimum(found[votes.workers :], np.log(_BOUND)))[votes.item]
    logit = _logit(found, votes)
    likelihood = (right * logit - np.logaddexp(0, logit)).sum()
    slope = right - 1 / (1 + np.exp(-logit))
    gradient = 1 - found
    gradient[: votes.workers] += np.bincount(votes.worker, slope * ease, votes.workers)
    gradient[votes.workers :] += np.bincount(votes.item, slope * logit, votes.items)
    return float(((found - 1) ** 2).sum() / 2 - likelihood), -gradient
