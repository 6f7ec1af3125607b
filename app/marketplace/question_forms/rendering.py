"""A QuestionForm as plain HTML: labelled, usable by keyboard and screen reader, without JavaScript."""

from collections.abc import Mapping
from types import MappingProxyType

from markupsafe import Markup

from app.marketplace.question_forms.contents import content_html
from app.marketplace.question_forms.fields import Given, field_html, field_name
from app.marketplace.question_forms.form import Overview, Question, QuestionForm

NOTHING: Mapping[str, list[str]] = MappingProxyType({})
NO_PROBLEMS: Mapping[str, str] = MappingProxyType({})


def fields_html(form: QuestionForm, *, given: Given = NOTHING, problems: Mapping[str, str] = NO_PROBLEMS) -> Markup:
    """The form's content and fields; the `form` element, its hidden fields and its button are the caller's.

    Each question is a fieldset that carries its identifier as `data-question-id`.

    given: field name → values, to show what was typed before. problems: question id → what is wrong with its answer.
    """
    parts = [_summary(form, problems)] if problems else []
    for part in form.parts:
        if isinstance(part, Overview):
            parts.append(Markup('<section class="qf-overview">{}</section>').format(content_html(part.content)))
        else:
            parts.append(_question(part, given, problems.get(part.id)))
    return Markup('<div class="question-form">\n{}\n</div>').format(Markup("\n").join(parts))


def _summary(form: QuestionForm, problems: Mapping[str, str]) -> Markup:
    items = Markup("").join(
        Markup('<li><a href="#{}">{}</a>: {}</li>').format(field_name(question), _name(question), problems[question.id])
        for question in form.questions
        if question.id in problems
    )
    return Markup(
        '<div class="qf-summary" role="alert"><p>Not submitted yet. Please look at:</p><ul>{}</ul></div>'
    ).format(items)


def _name(question: Question) -> str:
    return question.name or f"Question {question.number}"


def _question(question: Question, given: Given, problem: str | None) -> Markup:
    name = field_name(question)
    mark = Markup(' <span class="qf-required">(required)</span>') if question.required else ""
    said = Markup('<p class="qf-problem" id="{}-problem">{}</p>').format(name, problem) if problem else ""
    answer = field_html(question, given, bad=problem is not None)
    return Markup(
        '<fieldset class="qf-question" id="{}" data-question-id="{}"><legend dir="auto" id="{}-name">{}{}</legend>'
        '<div class="qf-content" id="{}-content">{}</div>{}{}</fieldset>'
    ).format(name, question.id, name, _name(question), mark, name, content_html(question.content), said, answer)
