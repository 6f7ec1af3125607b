from collections import Counter
from typing import Any

import pytest

from app.marketplace.crowd.answer_key import parse
from app.marketplace.crowd.behaviours import Behaviour
from app.marketplace.crowd.errors import BadPlan
from app.marketplace.crowd.plan import CrowdPlan, cast, check, parse_mix
from tests.marketplace.crowd.published import key_line


def test_a_mix_is_written_by_name_and_weight() -> None:
    assert parse_mix("careful=0.7, guessing=0.3") == {Behaviour.CAREFUL: 0.7, Behaviour.GUESSING: 0.3}
    assert parse_mix("slow") == {Behaviour.SLOW: 1.0}


@pytest.mark.parametrize(("text", "told"), [("lazy=1", "'lazy'"), ("careful=much", "'much'"), (" , ", "empty")])
def test_a_mix_that_is_none_is_refused_with_the_fault_named(text: str, told: str) -> None:
    with pytest.raises(BadPlan, match=told):
        parse_mix(text)


def test_workers_are_cast_by_weight_to_the_last_one() -> None:
    mix = parse_mix("careful=0.7,guessing=0.1,first=0.1,slow=0.05,dropout=0.05")
    roles = [member.behaviour for member in cast(CrowdPlan(workers=20, mix=mix))]
    assert Counter(roles) == {
        Behaviour.CAREFUL: 14,
        Behaviour.GUESSING: 2,
        Behaviour.FIRST: 2,
        Behaviour.SLOW: 1,
        Behaviour.DROPOUT: 1,
    }
    for workers in range(1, 30):
        assert len(cast(CrowdPlan(workers=workers, mix=mix))) == workers


def test_equal_remainders_go_to_the_behaviour_named_first() -> None:
    (only,) = cast(CrowdPlan(workers=1, mix=parse_mix("dropout=1,guessing=1")))
    assert only.behaviour is Behaviour.GUESSING


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"workers": 0}, "workers"),
        ({"concurrency": 0}, "concurrency"),
        ({"max_assignments": 0}, "max_assignments"),
        ({"seed": -1}, "seed"),
        ({"time_scale": float("nan")}, "time_scale"),
        ({"patience_s": -1.0}, "patience_s"),
        ({"mix": {}}, "mix"),
        ({"mix": {Behaviour.SLOW: -1.0}}, "mix"),
        ({"mix": {Behaviour.SLOW: float("inf")}}, "mix"),
        ({"replay": True}, "answer key"),
        ({"replay": True, "key": parse(key_line(url="u", truth="given"))}, "votes"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_the_value_named(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPlan, match=told):
        check(CrowdPlan(**changed))


def test_followers_are_led_by_the_first_of_their_group_and_a_family_by_one() -> None:
    plan = CrowdPlan(workers=23, mix=parse_mix("copying=9,llm=5,careful=9"), seed=4)
    crowd = cast(plan)
    assert [member.number for member in crowd] == list(range(1, 24))
    copying = Counter(member.leader for member in crowd if member.behaviour is Behaviour.COPYING)
    # Nine in fours: the last has nobody to copy from.
    assert sorted(copying.values()) == [1, 4, 4]
    assert copying[None] == 1
    families = Counter(member.leader for member in crowd if member.behaviour is Behaviour.LLM)
    assert list(families.values()) == [5]
    for member in crowd:
        assert member.leader is None or crowd[member.leader - 1].leader == member.leader <= member.number
    assert {member.leader for member in crowd if member.behaviour is Behaviour.CAREFUL} == {None}
