"""A model as a further rater, in the manner of CROWDLAB: its probabilities enter as a prior whose temperature is fitted."""

import numpy as np

from app.domain.consensus.log_space import floored, normalised
from app.domain.consensus.outcome import Floats
from app.errors import InvalidInput, Problem

NAME = "crowdlab"

# At the largest the model is all but ignored.
_TEMPERATURES = np.geomspace(0.5, 128, 65)
_SHOWN = 20
_ROUNDING = 1e-3


def with_model(crowd: Floats, prior: Floats, pred_probs: Floats) -> tuple[Floats, float]:
    """The posterior with the model, and the temperature T that was fitted.

    The crowd's posterior (I, K) stands for prior x likelihood; the prior (K,) is replaced by each Item's
    q_T(k) = prior_k (p_ik / mean p_k) ** (1 / T), normalised: a useless model ends at T large and changes nothing. T makes
    the answers most likely: sum over Items of log sum over k of q_T(k) x crowd_ik / prior_k. The model is never taken
    at its word (T = 1): classifiers are too sure, and this one was chosen to raise the suspicion.
    Source: Goh, Tkachenko & Mueller 2022, arXiv:2210.06812 (CROWDLAB), which weighs model and Workers by agreement instead.
    """
    probabilities = floored(pred_probs)
    likelihood = np.log(floored(crowd)) - np.log(prior)
    leaning = np.log(probabilities) - np.log(probabilities.mean(axis=0))
    best, score, found = 1.0, -np.inf, crowd
    for temperature in _TEMPERATURES[::-1]:
        own = np.log(normalised(np.log(prior) + leaning / temperature))
        joint = own + likelihood
        fit = float(np.logaddexp.reduce(joint, axis=1).sum())
        if fit > score:
            best, score, found = float(temperature), fit, normalised(joint)
    return found, best


def checked(pred_probs: Floats | None, items: int, labels: int) -> Floats:
    """The model's probabilities (I, K). Raises InvalidInput that names the rows that are no probabilities."""
    if pred_probs is None:
        raise InvalidInput([Problem("this method needs the model's probabilities", field="pred_probs")])
    if pred_probs.shape != (items, labels):
        raise InvalidInput(
            [Problem(f"wanted {items} items x {labels} labels, got {pred_probs.shape}", field="pred_probs")]
        )
    sums = pred_probs.sum(axis=1)
    bad = np.flatnonzero(
        ~(np.isfinite(pred_probs).all(axis=1) & (pred_probs >= 0).all(axis=1) & (abs(sums - 1) < _ROUNDING))
    )
    if len(bad):
        shown = [
            Problem(
                f"no probabilities that sum to 1: {pred_probs[row].tolist()[:8]}", line=int(row) + 1, field="pred_probs"
            )
            for row in bad[:_SHOWN]
        ]
        raise InvalidInput(shown, total=len(bad))
    return np.asarray(pred_probs, dtype=np.float64)
