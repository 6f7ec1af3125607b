import numpy as np
import pytest

from app.domain.consensus.methods import DEFAULT, METHODS, aggregate, method_named
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("majority", "plurality"),
        ("Majority_Vote", "plurality"),
        ("mv", "plurality"),
        ("PLURALITY", "plurality"),
        ("DawidSkene", "dawid-skene"),
        ("dawid_skene", "dawid-skene"),
        ("ds", "dawid-skene"),
        ("OneCoin", "one-coin"),
        ("OneCoinDawidSkene", "one-coin"),
        ("Wawa", "wawa"),
        ("GLAD", "glad"),
        ("MACE", "mace"),
        ("CrowdLab", "crowdlab"),
        ("quorum", "quorum"),
    ],
)
def test_a_method_answers_to_its_aliases_case_and_dashes_aside(name: str, means: str) -> None:
    assert method_named(name).name == means


def test_names_and_aliases_are_unambiguous() -> None:
    names = [name.casefold().replace("-", "") for method in METHODS for name in (method.name, *method.aliases)]
    assert len(names) == len(set(names))


def test_the_default_is_in_the_list() -> None:
    assert method_named(DEFAULT).name == DEFAULT


def test_an_unknown_method_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"no consensus method 'magic'; there are .*plurality"):
        method_named("magic")


def test_without_a_label_to_choose_from_there_is_nothing_to_aggregate() -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(InvalidInput, match="at least one response"):
        aggregate(Votes.of(none, none, none, items=3))
