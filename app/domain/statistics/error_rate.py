"""How many labels of a dataset are wrong, from suspects and from control Items that were mixed in blindly.

The suspects alone give a lower bound, since a suspect-finder overlooks errors, unless they are the whole dataset. Control Items,
drawn at random from the Items that were not suspected and shown among the suspects so that no Worker can tell them apart, say
how many it overlooks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.statistics.finite_population import share_of_set
from app.domain.statistics.intervals import LEVEL, Estimate, Interval
from app.domain.statistics.mover import ratio_interval, weighted_sum
from app.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Stratum:
    """`size` Items of a dataset, of which `checked`, drawn at random, were looked at and `errors` found wrong."""

    name: str
    size: int
    checked: int
    errors: int


@dataclass(frozen=True, slots=True)
class DatasetErrorRate:
    """How wrong a dataset is, and how good the suspect-finder was.

    rate, errors: share and number of wrong labels in the whole dataset; without controls of the suspects alone, and then
    `lower_bound` is true where there are other Items · precision: the share of suspects that are wrong · recall: the share of
    wrong labels that were suspected, None without controls or where no error was seen at all · overlooked: wrong labels among
    those not suspected, None without controls.
    """

    size: int
    rate: Estimate
    errors: Estimate
    precision: Estimate
    recall: Estimate | None
    overlooked: Estimate | None
    lower_bound: bool


def dataset_error_rate(
    suspects: Sequence[Stratum], controls: Stratum | None, *, unsuspected: int | None = None, level: float = LEVEL
) -> DatasetErrorRate:
    """The stratified estimate Σ (N_h / M) x_h / n_h of M = Σ N_h Items, each stratum with the exact limits of its finite set.

    suspects: one stratum, or several that differ in how they were found. controls: `size` is the number of Items not suspected.
    unsuspected: that number, where no controls were checked; unless it is 0, the rate is then a lower bound. Combined by MOVER
    (see `mover`), so that no error among the controls widens the interval upwards alone. Recall is T / (T + F), T and F the
    errors among suspects and among the rest, its ends from those of F / T.
    The figures take the Workers' verdicts as they are: how much those vary is `study_table`'s.
    Raises InvalidInput where a stratum has nothing checked, or counts that cannot be.
    Source: Cochran 1977, Sampling Techniques, section 5.
    """
    _check(suspects, controls, unsuspected)
    size = sum(stratum.size for stratum in suspects) + (controls.size if controls else unsuspected or 0)
    found = weighted_sum(
        [_share(stratum, level) for stratum in suspects], [float(stratum.size) for stratum in suspects]
    )
    missed = weighted_sum([_share(controls, level)], [float(controls.size)]) if controls else None
    total = weighted_sum([found, missed], [1.0, 1.0]) if missed else found
    suspected = sum(stratum.size for stratum in suspects)
    return DatasetErrorRate(
        size=size,
        rate=weighted_sum([total], [1 / size]),
        errors=total,
        precision=weighted_sum([found], [1 / suspected]),
        recall=_recall(found, missed) if missed else None,
        overlooked=missed,
        lower_bound=controls is None and size > suspected,
    )


def _share(stratum: Stratum, level: float) -> Estimate:
    return share_of_set(stratum.errors, checked=stratum.checked, size=stratum.size, level=level)


def _recall(found: Estimate, missed: Estimate) -> Estimate | None:
    """T / (T + F) = 1 / (1 + F / T); its standard error by the delta method."""
    t, f, level = found.value, missed.value, found.interval.level
    if t + f == 0:
        return None
    error = ((f * found.standard_error) ** 2 + (t * missed.standard_error) ** 2) ** 0.5 / (t + f) ** 2
    if t == 0:
        # No error among the suspects: turn it round, T / F.
        odds = ratio_interval(found, missed)
        return Estimate(0.0, error, Interval(0.0, _of_odds(odds.high), level))
    odds = ratio_interval(missed, found)
    return Estimate(t / (t + f), error, Interval(1 / (1 + odds.high), 1 / (1 + odds.low), level))


def _of_odds(odds: float) -> float:
    return 1 - 1 / (1 + odds)


def _check(suspects: Sequence[Stratum], controls: Stratum | None, unsuspected: int | None) -> None:
    problems = [
        Problem(
            f"{stratum.errors} errors among {stratum.checked} checked of {stratum.size}: "
            "wanted 0 <= errors <= checked <= size, at least one checked",
            field=stratum.name,
        )
        for stratum in [*suspects, *([controls] if controls else [])]
        if not (0 <= stratum.errors <= stratum.checked <= stratum.size and stratum.checked)
    ]
    if not suspects:
        problems.append(Problem("no suspects: there is nothing to estimate from"))
    if controls is None and (unsuspected is None or unsuspected < 0):
        problems.append(Problem("without control Items say how many Items were not suspected", field="unsuspected"))
    if controls is not None and unsuspected not in {None, controls.size}:
        problems.append(
            Problem(f"{unsuspected} Items not suspected, and controls drawn from {controls.size}", field="unsuspected")
        )
    if problems:
        raise InvalidInput(problems)
