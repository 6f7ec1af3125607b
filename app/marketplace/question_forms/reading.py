"""What a Worker's browser posted, read by the rules of the form."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.marketplace import answers
from app.marketplace.question_forms import formats
from app.marketplace.question_forms.fields import OTHER_VALUE, field_name, has_buttons, is_combobox, other_name
from app.marketplace.question_forms.form import Choice, FreeText, Question, QuestionForm, Text
from app.marketplace.question_forms.formats import Patience
from app.marketplace.xml_documents import escaped, storable

_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question: a text, or what was chosen and one's own words."""

    question_id: str
    text: str | None = None
    selection_ids: tuple[str, ...] = ()
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was handed in. With problems, none of the answers may be taken."""

    answers: tuple[Answer, ...]
    problems: Mapping[str, str]
    given: Mapping[str, list[str]]


class _Problem(Exception):
    """An answer breaks a rule; the text is for the Worker."""


def read(form: QuestionForm, fields: Sequence[tuple[str, str]]) -> Filled:
    """Read the posted fields; the names of others than the form's own are ignored."""
    given = defaultdict[str, list[str]](list)
    for name, value in fields:
        given[name].append(storable(value))
    patience = Patience()
    found: list[Answer] = []
    problems: dict[str, str] = {}
    for question in form.questions:
        try:
            answer = _answer(question, given, patience)
        except _Problem as problem:
            problems[question.id] = str(problem)
        else:
            found += [] if answer is None else [answer]
    if not found and not problems:
        problems[form.questions[0].id] = "Please answer at least one question."
    return Filled(tuple(found), problems, dict(given))


def answer_xml(filled: Filled) -> str:
    """QuestionFormAnswers: one Answer for each question that was answered."""
    return answers.document(_entry(answer) for answer in filled.answers)


def _entry(answer: Answer) -> str:
    if answer.text is not None:
        return answers.free_text(answer.question_id, answer.text)
    chosen = "".join(f"<SelectionIdentifier>{escaped(id)}</SelectionIdentifier>" for id in answer.selection_ids)
    other = "" if answer.other is None else f"<OtherSelectionText>{escaped(answer.other)}</OtherSelectionText>"
    return answers.entry(answer.question_id, chosen + other)


def _answer(question: Question, given: Mapping[str, list[str]], patience: Patience) -> Answer | None:
    if isinstance(question.answer, FreeText):
        text = given.get(field_name(question), [""])[-1]
        answer = Answer(question.id, text=text) if text.strip() else None
        if answer is not None:
            _check_text(text, question.answer, patience)
    else:
        answer = _chosen(question, question.answer, given, patience)
    if answer is None and question.required:
        raise _Problem("Please answer this question.")
    return answer


def _check_text(text: str, rules: FreeText, patience: Patience) -> None:
    text = text.replace("\r\n", "\n")
    if rules.numeric:
        _check_number(text.strip(), rules)
    if rules.min_length is not None and len(text) < rules.min_length:
        raise _Problem(f"Please write at least {rules.min_length} characters; these are {len(text)}.")
    if rules.max_length is not None and len(text) > rules.max_length:
        raise _Problem(f"Please write {rules.max_length} characters at most; these are {len(text)}.")
    for wanted in rules.formats:
        if not formats.fits(text, wanted, patience):
            raise _Problem(wanted.message or "This answer does not have the form that is asked for.")


def _check_number(text: str, rules: FreeText) -> None:
    if _NUMBER.fullmatch(text) is None:
        raise _Problem("Please enter a number.")
    number = Decimal(text)
    if (rules.lowest is not None and number < rules.lowest) or (rules.highest is not None and number > rules.highest):
        if rules.lowest is None:
            raise _Problem(f"Please enter a number not above {rules.highest}.")
        if rules.highest is None:
            raise _Problem(f"Please enter a number not below {rules.lowest}.")
        raise _Problem(f"Please enter a number from {rules.lowest} to {rules.highest}.")


def _chosen(question: Question, choice: Choice, given: Mapping[str, list[str]], patience: Patience) -> Answer | None:
    values = [value.replace("\r\n", "\n") for value in given.get(field_name(question), [])]
    text = given.get(other_name(question), [""])[-1]
    ids, other = _typed(choice, values) if is_combobox(choice) else (values, _own_words(choice, values, text))
    known = {selection.id: selection.id for selection in choice.selections}
    ids = [*dict.fromkeys(id for id in ids if id != OTHER_VALUE)]
    if not known.keys() >= set(ids):
        raise _Problem("Please choose from what is offered.")
    count = len(ids) + (other is not None)
    if count == 0:
        return None
    _check_count(choice, count, own=other is not None)
    if other is not None and choice.other is not None:
        _check_text(other, choice.other, patience)
    # In the order in which they are shown.
    return Answer(question.id, selection_ids=tuple(id for id in known if id in ids), other=other)


def _typed(choice: Choice, values: list[str]) -> tuple[list[str], str | None]:
    """What a combobox holds: the words of a selection, its identifier, or words of one's own."""
    typed = (values or [""])[-1].strip()
    by_words = {one.content.text: one.id for one in choice.selections if isinstance(one.content, Text)}
    if typed in by_words:
        return [by_words[typed]], None
    if not typed or choice.other is None or typed in by_words.values():
        return [typed], None
    return [], typed


def _own_words(choice: Choice, values: list[str], text: str) -> str | None:
    """One's own answer, when there is one: a default that nobody chose is none."""
    if choice.other is None:
        return None
    chosen = OTHER_VALUE in values
    if not text.strip():
        if chosen and has_buttons(choice):
            raise _Problem("You chose “Other”: please write your own answer.")
        return None
    return text if chosen or text.strip() != choice.other.default.strip() else None


def _check_count(choice: Choice, count: int, *, own: bool) -> None:
    if count > choice.most:
        if choice.most == 1 and own:
            raise _Problem("Please choose one or write your own answer, not both.")
        raise _Problem(f"Please choose {choice.most} at most.")
    if count < choice.least:
        raise _Problem(f"Please choose at least {choice.least}.")
