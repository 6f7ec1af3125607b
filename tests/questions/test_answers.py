import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.vocabulary import Choice
from app.questions.answers import MAX_ANSWER_CHARACTERS, ItemAnswer, UnreadableAnswer, parse_answers
from tests.questions.frame_host import Posted, answer_xml

A, B, BOTH, NEITHER = Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER


def fields(position: int, choice: str = "a", *, order: str = "a,b,both,neither", ms: str = "1200") -> Posted:
    return [(f"r{position}-choice", choice), (f"r{position}-order", order), (f"r{position}-ms", ms)]


def reason_of(raw: str, *, item_count: int = 1) -> str:
    with pytest.raises(UnreadableAnswer) as caught:
        parse_answers(raw, item_count=item_count)
    assert caught.value.reason == str(caught.value)
    return caught.value.reason


def test_every_field_is_read_and_items_come_in_order_of_position() -> None:
    posted = [
        *fields(2, "cannot_tell", order="b,a,both,neither", ms="77"),
        ("r2-comment", "too dark & <blurry> 🙃"),
        *fields(1, "b"),
        ("r1-comment", ""),
    ]
    assert parse_answers(answer_xml(posted), item_count=2) == [
        ItemAnswer(1, Choice.B, (A, B, BOTH, NEITHER), "", 1200),
        ItemAnswer(2, Choice.CANNOT_TELL, (B, A, BOTH, NEITHER), "too dark & <blurry> 🙃", 77),
    ]


@pytest.mark.parametrize("choice", list(Choice))
def test_every_choice_is_known(choice: Choice) -> None:
    assert parse_answers(answer_xml(fields(1, choice)), item_count=1)[0].choice is choice


def test_an_absent_comment_is_empty() -> None:
    assert parse_answers(answer_xml(fields(1)), item_count=1)[0].comment == ""


@pytest.mark.parametrize("ms", ["", "soon", "-5", "1.5", "1e3", "٣", "99999999999", "2147483648"])
def test_a_garbled_time_is_unknown(ms: str) -> None:
    assert parse_answers(answer_xml(fields(1, ms=ms)), item_count=1)[0].elapsed_ms is None


def test_an_absent_time_is_unknown() -> None:
    assert parse_answers(answer_xml(fields(1)[:2]), item_count=1)[0].elapsed_ms is None


@pytest.mark.parametrize("order", ["", "a,b", "a,a,both,neither", "b,a,both,neither,cannot_tell", "x,y,both,neither"])
def test_a_garbled_order_is_unreadable(order: str) -> None:
    assert "item 1: the order shown" in reason_of(answer_xml(fields(1, order=order)))


def test_an_absent_order_is_unreadable() -> None:
    assert "item 1: the order shown" in reason_of(answer_xml(fields(1)[:1]))


def test_spaces_around_words_do_no_harm() -> None:
    answer = parse_answers(answer_xml(fields(1, " b ", order="b, a, both, neither", ms=" 5 ")), item_count=1)[0]
    assert (answer.choice, answer.order_shown, answer.elapsed_ms) == (B, (B, A, BOTH, NEITHER), 5)


def test_fields_that_are_not_ours_are_ignored_even_twice() -> None:
    extra = [("userAgent", "x"), ("userAgent", "y"), ("r1-colour", "z"), ("r0-choice", "a"), ("r01-choice", "b")]
    assert len(parse_answers(answer_xml([*extra, *fields(1)]), item_count=1)) == 1


def test_the_same_field_twice_is_unreadable() -> None:
    assert reason_of(answer_xml([*fields(1), ("r1-choice", "b")])) == "item 1: its choice is given twice"


def test_a_missing_item_is_named() -> None:
    assert reason_of(answer_xml(fields(1)), item_count=2) == "item 2: it has no choice"


def test_an_item_that_the_hit_does_not_show_is_unreadable() -> None:
    posted = [*fields(1), *fields(2), *fields(7)]
    assert reason_of(answer_xml(posted), item_count=2) == "it answers item 7, but the HIT shows 2"


def test_an_unknown_choice_is_unreadable_and_not_quoted() -> None:
    reason = reason_of(answer_xml(fields(1, "given; DROP TABLE")))
    assert reason == "item 1: its choice is none of a, b, both, neither, cannot_tell"


def test_letters_beyond_ascii_survive_a_declaration_of_ascii() -> None:
    posted = [*fields(1, "cannot_tell"), ("r1-comment", "é 語 🙃")]
    assert parse_answers(answer_xml(posted, encoding="ASCII"), item_count=1)[0].comment == "é 語 🙃"


@pytest.mark.parametrize("before", ["\n  ", "\ufeff"])
def test_space_or_a_byte_order_mark_before_the_declaration_does_no_harm(before: str) -> None:
    assert parse_answers(before + answer_xml(fields(1)), item_count=1)


@pytest.mark.parametrize("raw", ["", "  \n", "\ufeff"])
def test_an_empty_answer_says_so(raw: str) -> None:
    assert reason_of(raw) == "it is empty"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("not xml", "not well-formed XML"),
        ("<QuestionFormAnswers>", "not well-formed XML"),
        ("<a>\x00</a>", "not well-formed XML"),
        ("<a>\ud800</a>", "no XML may contain"),
        ("<QuestionForm/>", "not QuestionFormAnswers"),
        ("<QuestionFormAnswers/>", "item 1: it has no choice"),
        ("<QuestionFormAnswers><Answer/></QuestionFormAnswers>", "item 1: it has no choice"),
    ],
)
def test_what_is_no_answer_says_what_it_is(raw: str, reason: str) -> None:
    assert reason in reason_of(raw)


def test_an_entity_bomb_is_refused_unexploded() -> None:
    entities = '<!ENTITY e0 "boom">' + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f"<!DOCTYPE QuestionFormAnswers [{entities}]><QuestionFormAnswers>&e11;</QuestionFormAnswers>"
    assert "document type or entities" in reason_of(bomb)


def test_an_external_entity_is_refused() -> None:
    raw = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><QuestionFormAnswers>&x;</QuestionFormAnswers>'
    assert "document type or entities" in reason_of(raw)


def test_a_huge_answer_is_refused_unparsed() -> None:
    assert "at most" in reason_of("<" * (MAX_ANSWER_CHARACTERS + 1))


def test_a_deep_answer_is_read_or_refused_but_never_a_crash() -> None:
    assert "not QuestionFormAnswers" in reason_of("<a>" * 100_000 + "</a>" * 100_000)


@given(st.text())
def test_garbage_is_unreadable_and_nothing_else(raw: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_answers(raw, item_count=1)


@given(st.lists(st.tuples(st.from_regex(r"r[0-3]-(choice|order|ms|comment)", fullmatch=True), st.text(max_size=20))))
def test_any_form_is_read_whole_or_refused(posted: Posted) -> None:
    clean = [(name, "".join(c for c in text if c.isprintable())) for name, text in posted]
    try:
        answers = parse_answers(answer_xml(clean), item_count=1)
    except UnreadableAnswer:
        return
    assert [answer.position for answer in answers] == [1]
