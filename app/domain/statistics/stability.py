"""Benchmark stability: how models score on given and on corrected labels, and how much label noise would turn their ranking.

The mislabelled Items of a test set are those whose corrected label differs from the given one; Items without a corrected label
are pruned. The study removes correctly labelled Items at random, so that the share of mislabelled ones, the noise prevalence,
rises from its actual value to 1, and looks where models change places. In expectation over what is removed the accuracy at
prevalence N is (1 - N) a + N e, where a is the accuracy on the correctly labelled Items and e that on the mislabelled ones: the
curves are straight lines, and are computed as such.
Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, section 5.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.plurals import counted
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, wilson
from app.domain.statistics.predictions import Predictions, class_problems
from app.errors import InvalidInput, Problem

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TestSetLabels:
    """Per Item: its class index as `given` and as `corrected`; whether it was `checked`, and whether it is `kept` or pruned."""

    __test__ = False  # pytest takes it for tests otherwise

    given: NDArray[np.int64]
    corrected: NDArray[np.int64]
    checked: Flags
    kept: Flags

    @classmethod
    def of(
        cls,
        given: NDArray[np.generic],
        corrected: NDArray[np.generic],
        *,
        class_count: int,
        checked: Flags | None = None,
        pruned: Flags | None = None,
    ) -> Self:
        """Labels of parallel arrays. What `corrected` says of pruned Items is ignored; without `checked` the changed ones are.

        Raises InvalidInput for arrays of different lengths, classes out of range or NaN, Items that are changed unchecked, and
        where everything is pruned.
        """
        flags = [
            np.zeros(len(given), bool) if mask is None else np.asarray(mask, dtype=bool) for mask in (pruned, checked)
        ]
        if len({len(given), len(corrected), *map(len, flags)}) > 1:
            sizes = [len(given), len(corrected), *map(len, flags)]
            raise InvalidInput([Problem(f"given, corrected, pruned, checked: wanted equal lengths, got {sizes}")])
        kept = ~flags[0]
        corrected = np.where(kept, corrected, given)
        if problems := [
            *class_problems("given labels", np.asarray(given), class_count=class_count),
            *class_problems("corrected labels", corrected, class_count=class_count),
        ]:
            raise InvalidInput(problems)
        changed = corrected != given
        if checked is None:
            flags[1] = changed | flags[0]
        if unchecked := int((changed & ~flags[1]).sum()):
            one, many = "Item has a corrected label and was", "Items have a corrected label and were"
            raise InvalidInput([Problem(f"{counted(unchecked, one, many)} not checked", field="checked")])
        if not kept.any():
            raise InvalidInput([Problem("every Item is pruned: none is left to score models on", field="pruned")])
        return cls(np.asarray(given).astype(np.int64), corrected.astype(np.int64), flags[1], kept)

    @property
    def mislabelled(self) -> Flags:
        """Kept Items whose corrected label is another one."""
        return np.asarray(self.kept & (self.corrected != self.given))

    @property
    def noise_prevalence(self) -> float:
        """The share of kept Items that are mislabelled: the actual one, where the curves begin."""
        return float(self.mislabelled.sum() / self.kept.sum())


@dataclass(frozen=True, slots=True)
class ModelScore:
    """Accuracies of one model; None where no Item is there to score on.

    given: on given labels of all Items, as published · corrected: on corrected labels of the kept ones · given_checked,
    corrected_checked: on the kept Items that were checked · on_mislabelled: on corrected labels of the mislabelled ones.
    Ranks count from 1; equal accuracies share the better one.
    """

    model: str
    given: Estimate
    corrected: Estimate
    given_checked: Estimate | None
    corrected_checked: Estimate | None
    on_mislabelled: Estimate | None
    given_rank: int
    corrected_rank: int


@dataclass(frozen=True, slots=True)
class NoiseCurve:
    """Expected accuracies when correctly labelled Items are removed until `prevalence` (points,) of those left are mislabelled.

    items (points,): how many are left · given, corrected (points, models): on either label.
    """

    models: tuple[str, ...]
    prevalence: Floats
    items: Floats
    given: Floats
    corrected: Floats


def scores(predictions: Predictions, labels: TestSetLabels, *, level: float = LEVEL) -> list[ModelScore]:
    """Each model on given and on corrected labels, with Wilson's intervals, in the order of the predictions.

    Source: the study, section 5; the intervals take the Items for a sample of such Items.
    """
    _of_one_size(predictions, labels)
    on_given = predictions.classes == labels.given[:, None]
    on_corrected = predictions.classes == labels.corrected[:, None]
    everything, looked_at = np.ones_like(labels.kept), labels.kept & labels.checked
    given, corrected = on_given.mean(axis=0), on_corrected[labels.kept].mean(axis=0)
    return [
        ModelScore(
            model=model,
            given=_certain(on_given[:, column], everything, level),
            corrected=_certain(on_corrected[:, column], labels.kept, level),
            given_checked=_accuracy(on_given[:, column], looked_at, level),
            corrected_checked=_accuracy(on_corrected[:, column], looked_at, level),
            on_mislabelled=_accuracy(on_corrected[:, column], labels.mislabelled, level),
            given_rank=int((given > given[column]).sum()) + 1,
            corrected_rank=int((corrected > corrected[column]).sum()) + 1,
        )
        for column, model in enumerate(predictions.models)
    ]


def noise_curve(predictions: Predictions, labels: TestSetLabels, *, points: int = 101) -> NoiseCurve:
    """Expected accuracy of each model from the actual noise prevalence to 1, at `points` equally spaced prevalences.

    Raises InvalidInput where no Item is mislabelled (nothing could rise) or none is labelled correctly.
    """
    lines = strata(predictions, labels)
    prevalence = np.linspace(labels.noise_prevalence, 1.0, points)
    rest = 1 - prevalence[:, None]
    return NoiseCurve(
        models=predictions.models,
        prevalence=prevalence,
        items=lines.mislabelled_items / prevalence,
        given=rest * lines.correct.mean(axis=0) + prevalence[:, None] * lines.given.mean(axis=0),
        corrected=rest * lines.correct.mean(axis=0) + prevalence[:, None] * lines.corrected.mean(axis=0),
    )


@dataclass(frozen=True, slots=True)
class Strata:
    """Hits: `correct` (b, models) on correctly labelled Items; on mislabelled ones `given` and `corrected` (e, models)."""

    correct: Flags
    given: Flags
    corrected: Flags

    @property
    def mislabelled_items(self) -> int:
        """How many Items are mislabelled."""
        return len(self.corrected)


def strata(predictions: Predictions, labels: TestSetLabels) -> Strata:
    """The kept Items, correctly labelled and mislabelled apart. Raises InvalidInput where either is missing."""
    _of_one_size(predictions, labels)
    wrong = labels.mislabelled
    right = labels.kept & ~wrong
    for found, what in ((wrong, "mislabelled"), (right, "labelled correctly")):
        if not found.any():
            message = f"no Item is {what}: the share of mislabelled Items cannot be varied"
            raise InvalidInput([Problem(message, field="corrected labels")])
    classes = predictions.classes
    return Strata(
        classes[right] == labels.given[right, None],
        classes[wrong] == labels.given[wrong, None],
        classes[wrong] == labels.corrected[wrong, None],
    )


def _accuracy(hits: Flags, of: Flags, level: float) -> Estimate | None:
    return _certain(hits, of, level) if of.any() else None


def _certain(hits: Flags, of: Flags, level: float) -> Estimate:
    right, n = int(hits[of].sum()), int(of.sum())
    share = right / n
    return Estimate(share, float(np.sqrt(share * (1 - share) / n)), wilson(right, n, level=level))


def _of_one_size(predictions: Predictions, labels: TestSetLabels) -> None:
    items = len(labels.given)
    if len(predictions.classes) != items:
        message = (
            f"{counted(len(predictions.classes), 'Item is', 'Items are')} predicted and the test set has {items:,}; bring"
            " them into its order"
        )
        raise InvalidInput([Problem(message, field="predictions")])
