"""crowd-kit's aggregation methods by name, as an optional extra: `crowdkit:NAME`."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from app.domain.consensus.log_space import floored
from app.domain.consensus.outcome import Floats, Outcome
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "crowdkit:"

# Those that take task, worker and label alone, with the settings that make them give the same result every time.
_SETTINGS: dict[str, dict[str, int]] = {
    "MajorityVote": {},
    "Wawa": {},
    "ZeroBasedSkill": {},
    "DawidSkene": {},
    "OneCoinDawidSkene": {},
    "GLAD": {},
    "MACE": {"random_state": 0},
    "MMSR": {"random_state": 0},
    "KOS": {"random_state": 0},
}
# They find the Workers' skills; their labels are a majority vote weighted by these. Asked to apply the skills itself,
# crowd-kit 1.4 fails with scikit-learn 1.7 and later (check_is_fitted wants an estimator of scikit-learn's own).
_BY_SKILL = ("Wawa", "ZeroBasedSkill", "MMSR")
_TWO_LABELS = 2


def is_crowdkit(method: str) -> bool:
    """The method is one of crowd-kit's: its name begins with `crowdkit:`, case aside."""
    return method.casefold().startswith(PREFIX)


def aggregate_by_crowdkit(votes: Votes, method: str) -> Outcome:
    """The consensus by crowd-kit's method of that name, `crowdkit:` before it or not, at its own settings.

    Its probabilities are raised to the floor of ours (none is 0); KOS gives labels alone. Raises InvalidInput where
    crowd-kit is not installed or has no such method, without any response, and for KOS on other than two labels.
    """
    name = _known(method)
    crowdkit = _crowdkit()
    if not len(votes):
        raise InvalidInput([Problem("crowd-kit needs at least one response")])
    if name == "KOS" and votes.labels != _TWO_LABELS:
        raise InvalidInput([Problem(f"KOS decides between two labels, there are {votes.labels}", field="method")])
    data = _frame(votes)
    fitted = getattr(crowdkit, name)(**_SETTINGS[name]).fit(data)
    skills = getattr(fitted, "skills_", None)
    source = crowdkit.MajorityVote().fit(data, skills=skills) if name in _BY_SKILL else fitted
    answered = np.bincount(votes.item, minlength=votes.items) > 0
    return Outcome.of(
        f"{PREFIX}{name}",
        _posterior(source, votes),
        answered,
        worker_accuracy=None if skills is None else skills.reindex(range(votes.workers)).to_numpy(np.float64),
        notes=("crowd-kit's own, at its own settings",),
    )


def _known(method: str) -> str:
    wanted = method[len(PREFIX) :] if is_crowdkit(method) else method
    for name in _SETTINGS:
        if name.casefold() == wanted.casefold().replace("-", "").replace("_", ""):
            return name
    names = ", ".join(f"{PREFIX}{name}" for name in _SETTINGS)
    raise InvalidInput([Problem(f"crowd-kit has no method {wanted!r} for this; there are {names}", field="method")])


def _crowdkit() -> ModuleType:
    try:
        return import_module("crowdkit.aggregation")
    except ModuleNotFoundError as missing:
        message = "crowd-kit is not installed; add it with: pip install 'labeljury[crowdkit]'"
        raise InvalidInput([Problem(message, field="method")]) from missing


def _frame(votes: Votes) -> "pd.DataFrame":
    import pandas as pd  # comes with crowd-kit, is no dependency of ours

    return pd.DataFrame({"task": votes.item, "worker": votes.worker, "label": votes.label})


def _posterior(fitted: object, votes: Votes) -> Floats:
    """crowd-kit's probabilities, or its labels as certainties, (I, K); Items without votes: the class frequencies."""
    shares = smoothed_shares(votes.counts())
    probabilities = getattr(fitted, "probas_", None)
    if probabilities is not None:
        found = probabilities.reindex(index=range(votes.items), columns=range(votes.labels)).to_numpy(np.float64)
        answered = np.isfinite(found).any(axis=1)
        return floored(np.where(answered[:, None], np.nan_to_num(found), shares))
    labels = fitted.labels_.reindex(range(votes.items), fill_value=-1).to_numpy(np.int64)  # type: ignore[attr-defined]
    certain = np.eye(votes.labels)[np.maximum(labels, 0)]
    return floored(np.where((labels >= 0)[:, None], certain, shares))
