import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from app.marketplace.crowd import plan_file
from app.marketplace.crowd.answer_key import Vote
from app.marketplace.crowd.arrivals import SHAPES, DayShape
from app.marketplace.crowd.behaviours import Behaviour
from app.marketplace.crowd.errors import BadAnswerKey, BadPlan
from app.marketplace.crowd.plan import cast
from app.marketplace.crowd.traits import PRESETS, Traits
from tests.marketplace.crowd.published import key_line

ADA = '[[group]]\nbehaviour = "careful"\nworkers = 2\n'


def test_the_file_in_the_modules_own_description_is_a_crowd(tmp_path: Path) -> None:
    described = (plan_file.__doc__ or "").split("\n\n", 1)[1].rpartition("\n\nA group")[0]
    (tmp_path / "truth.jsonl").write_text(key_line(text="t", truth="given"))
    (tmp_path / "crowd.toml").write_text(described)
    plan = plan_file.load(tmp_path / "crowd.toml")
    assert plan.key is not None
    assert plan.arrival is not None
    assert (plan.workers, plan.seed, plan.arrival.day_s) == (60, 7, 120)
    assert plan.arrival.hours == SHAPES[DayShape.EVENING]
    radiologists, models = plan.kinds
    assert (radiologists.name, radiologists.traits.confusion) == (
        "radiologists",
        {Vote.BOTH: {Vote.GIVEN: 0.2, Vote.BOTH: 0.8}},
    )
    assert radiologists.traits.labels == {"cat": {"cat": 0.9, "lynx": 0.1}}
    assert (models.name, models.traits.right, models.traits.repeats) == ("llm", 0.9, PRESETS[Behaviour.LLM].repeats)
    assert Counter(member.kind for member in cast(plan)) == {"radiologists": 40, "llm": 20}


def test_without_a_number_of_workers_the_groups_say_it() -> None:
    plan = plan_file.parse(ADA + ADA.replace("careful", "bot").replace("2", "3"))
    assert plan.workers == 5
    assert [kind.traits for kind in plan.kinds] == [PRESETS[Behaviour.CAREFUL], PRESETS[Behaviour.BOT]]


def test_a_right_of_ones_own_takes_the_place_of_the_presets_matrix() -> None:
    (kind,) = plan_file.parse(ADA.replace("careful", "skilled") + "right = 0.5").kinds
    assert not kind.traits.confusion
    assert kind.traits.right == 0.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("workers = ", "not TOML"),
        ("workers = 3", "group: is missing"),
        ("group = []", "group: list should have at least 1"),
        (ADA + "speed = 3", "no key is called 'group 1 speed'; there are behaviour, workers, name"),
        ("sead = 3\n" + ADA, "no key is called 'sead'; there are group, workers, seed"),
        (ADA + "[arrival]\nday = 3", "no key is called 'arrival day'; there are day_s, shape, hours"),
        (ADA + '[arrival]\nday_s = 3\nshape = "odd"', "arrival shape: input should be 'flat', 'evening' or 'office'"),
        (ADA + f'[arrival]\nday_s = 3\nshape = "flat"\nhours = {[1] * 24}', "shape or hours, not both"),
        (ADA.replace("careful", "lazy"), "group 1 behaviour: input should be 'careful'"),
        (ADA.replace("2", "0"), "group 1 workers: input should be greater than 0"),
        (ADA.replace("2", "2.5"), "sum to 2.5"),
        (ADA + "right = 1.5", "careful: right must be from 0 to 1, not 1.5"),
        (ADA + "right = 0.99", "right and cannot_tell together"),
        (ADA + "right = nan", "right must be from 0 to 1"),
        (ADA + "group_of = 1", "group_of must be 0"),
        (ADA + "tires_after = 0", "tires_after must be at least 1"),
        (ADA + "median_ms = 0", "median_ms"),
        (ADA + "[group.confusion.given]\ngiven = 0.5", r"confusion.given: the numbers sum to 0.5, not to 1"),
        (ADA + "[group.confusion.maybe]\ngiven = 1", "group 1 confusion maybe"),
        (ADA + "[group.confusion.given]\ncannot_tell = 1", "a trait of its own"),
        (ADA + "[group.labels.cat]\ncat = 0.7\ndog = 0.7", r"labels.cat: the numbers sum to 1.4, not to at most 1"),
        (ADA + ADA, "two kinds have the same name"),
        ("concurrency = 0\n" + ADA, "concurrency"),
        ("replay = true\n" + ADA, "answer key"),
    ],
)
def test_a_file_that_is_no_crowd_is_refused_with_the_fault_named(text: str, told: str) -> None:
    with pytest.raises(BadPlan, match=told) as refused:
        plan_file.parse(text, name="crowd.toml")
    assert str(refused.value).startswith("crowd.toml: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match=r"none\.toml: cannot be read"):
        plan_file.load(tmp_path / "none.toml")
    with pytest.raises(BadAnswerKey, match=r"none\.jsonl: cannot be read"):
        plan_file.parse('key = "none.jsonl"\n' + ADA, beside=tmp_path)


DOCUMENTED = (Path(__file__).parents[3] / "docs" / "crowd.md").read_text(encoding="utf-8")


def test_the_documents_plan_is_a_crowd_and_no_behaviour_or_trait_is_missing_there(tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").write_text(key_line(text="t", truth="given"))
    example = DOCUMENTED.split("```toml\n", 1)[1].split("```", 1)[0]
    assert plan_file.parse(example, beside=tmp_path).workers == 60
    rows = [line for line in DOCUMENTED.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == {*Behaviour, *(field.name for field in fields(Traits))}
