import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace import question_forms
from app.marketplace.question_forms import answer_key
from app.marketplace.wire_errors import ParameterValidationError
from tests.marketplace.question_forms.forms import form, free_text, question, selection

NAMESPACE = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/AnswerKey.xsd"


def option(score: int, *ids: str) -> str:
    chosen = "".join(f"<SelectionIdentifier>{id}</SelectionIdentifier>" for id in ids)
    return f"<AnswerOption>{chosen}<AnswerScore>{score}</AnswerScore></AnswerOption>"


def scored(id: str, *options: str, default: int | None = None) -> str:
    ending = "" if default is None else f"<DefaultScore>{default}</DefaultScore>"
    return f"<Question><QuestionIdentifier>{id}</QuestionIdentifier>{''.join(options)}{ending}</Question>"


def key(*questions: str, mapping: str = "", namespace: str = NAMESPACE) -> str:
    inside = f"<QualificationValueMapping>{mapping}</QualificationValueMapping>" if mapping else ""
    return f'<AnswerKey xmlns="{namespace}">{"".join(questions)}{inside}</AnswerKey>'


def score_range(low: int, high: int, value: int) -> str:
    return (
        f"<SummedScoreRange><InclusiveLowerBound>{low}</InclusiveLowerBound>"
        f"<InclusiveUpperBound>{high}</InclusiveUpperBound><QualificationValue>{value}</QualificationValue>"
        "</SummedScoreRange>"
    )


TEST = question_forms.parse(
    form(
        question(selection("a", "b", "c", style="checkbox", other=""), id="one"),
        question(selection("x", "y"), id="two"),
        question(free_text(), id="three"),
    )
)
QUESTIONS = (
    scored("one", option(10, "a", "b"), option(4, "a"), default=-2),
    scored("two", option(5, "x"), option(-5, "y")),
)


def score(key_xml: str, **fields: list[str]) -> int:
    posted = [(name.replace("_", "."), value) for name, values in fields.items() for value in values]
    filled = question_forms.read(TEST, posted)
    assert not filled.problems
    return answer_key.score(answer_key.parse(key_xml), question_forms.answer_xml(filled))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"q1": ["a", "b"], "q2": ["x"]}, 15),
        ({"q1": ["b", "a"], "q2": ["x"]}, 15),
        ({"q1": ["a"], "q2": ["y"]}, -1),
        ({"q1": ["a", "b", "c"], "q2": ["x"]}, 3),
        ({"q1": ["b"], "q2": ["x"]}, 3),
        ({"q1": ["a", "b"], "q1_other": ["and more"], "q2": ["x"]}, 3),
        ({"q3": ["text alone"]}, -2),
    ],
)
def test_only_the_exact_set_earns_its_score(fields: dict[str, list[str]], expected: int) -> None:
    assert score(key(*QUESTIONS), **fields) == expected


PERCENT = "<PercentageMapping><MaximumSummedScore>{}</MaximumSummedScore></PercentageMapping>"
SCALE = "<ScaleMapping><SummedScoreMultiplier>{}</SummedScoreMultiplier></ScaleMapping>"
RANGES = (
    f"<RangeMapping>{score_range(0, 4, 1)}{score_range(5, 15, 2)}"
    "<OutOfRangeQualificationValue>-7</OutOfRangeQualificationValue></RangeMapping>"
)


@pytest.mark.parametrize(
    ("mapping", "both", "first", "neither"),
    [
        ("", 15, 4, -7),
        (PERCENT.format(15), 100, 27, -47),
        (PERCENT.format(1000), 2, 0, -1),
        (SCALE.format(3), 45, 12, -21),
        (SCALE.format("0.5"), 8, 2, -4),
        (RANGES, 2, 1, -7),
        (SCALE.format("9999999999999999"), 2**31 - 1, 2**31 - 1, -(2**31)),
    ],
)
def test_the_sum_is_mapped(mapping: str, both: int, first: int, neither: int) -> None:
    xml = key(*QUESTIONS, mapping=mapping)
    assert score(xml, q1=["a", "b"], q2=["x"]) == both
    assert score(xml, q1=["a"]) == first
    assert score(xml, q1=["c"], q2=["y"]) == neither


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("", "well-formed"),
        (key(), "AnswerKey must hold Question"),
        (key(*QUESTIONS, namespace=NAMESPACE + "x"), "root element must be AnswerKey"),
        (key(QUESTIONS[0], QUESTIONS[0]), "occurs twice"),
        (key(scored("one")), "must hold AnswerOption"),
        (key(scored("one", option(1))), "must hold SelectionIdentifier"),
        (key(scored("one", option(2**31, "a"))), "AnswerScore must be from"),
        (key(scored("one", option(1, "a"))).replace(">1<", ">1.5<"), "AnswerScore must be an integer"),
        (key(*QUESTIONS, mapping=PERCENT.format(0)), "MaximumSummedScore must be from 1"),
        (key(*QUESTIONS, mapping=SCALE.format("NaN")), "must be a decimal number"),
        (key(*QUESTIONS, mapping=SCALE.format(".")), "must be a decimal number"),
        (key(*QUESTIONS, mapping=RANGES.replace(">4<", ">-1<")), "InclusiveLowerBound 0 is more"),
        (key(*QUESTIONS, mapping=RANGES + RANGES), "must not hold RangeMapping here"),
        (key(*QUESTIONS, mapping="<OtherMapping/>"), "PercentageMapping or ScaleMapping or RangeMapping"),
        (key(*QUESTIONS, "x" * 65_536), "65535"),
    ],
)
def test_what_is_no_answer_key_is_refused_with_the_reason(xml: str, reason: str) -> None:
    with pytest.raises(ParameterValidationError) as refused:
        answer_key.parse(xml)
    assert reason in refused.value.message


def test_a_key_must_fit_its_test() -> None:
    answer_key.check(answer_key.parse(key(*QUESTIONS)), TEST)
    with pytest.raises(ParameterValidationError, match="question four is not in the Test"):
        answer_key.check(answer_key.parse(key(scored("four", option(1, "a")))), TEST)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for xml in (text, key(text), key(*QUESTIONS, mapping=text), key(*QUESTIONS, mapping=SCALE.format(text))):
        with contextlib.suppress(ParameterValidationError):
            answer_key.score(
                answer_key.parse(xml.encode("utf-8", "replace").decode()),
                question_forms.answer_xml(question_forms.read(TEST, [("q2", "x")])),
            )
