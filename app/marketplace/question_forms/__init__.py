"""QuestionForms, MTurk's own language for questions, and AnswerKeys: of HITs and of Qualification tests.

    form = question_forms.parse(xml, parameter="Test")       # ParameterValidationError names the fault
    question_forms.fields_html(form)                         # inside the page's own <form>
    filled = question_forms.read(form, posted_fields)
    if filled.problems:                                      # question id → words for the Worker
        question_forms.fields_html(form, given=filled.given, problems=filled.problems)
    else:
        answer = question_forms.answer_xml(filled)
        key = answer_key.parse(key_xml); answer_key.check(key, form); answer_key.score(key, answer)

Field names are q1, q2, … and q1.other, …: other hidden fields of the page (csrf, assignmentId) never collide with them.
Pages that show a form need its style sheet (static/question_form.css) and, for the Requester's pictures, sounds and
films, MEDIA_POLICY in their Content-Security-Policy.
"""

from app.marketplace.question_forms import answer_key
from app.marketplace.question_forms.answer_key import AnswerKey
from app.marketplace.question_forms.form import QuestionForm
from app.marketplace.question_forms.parsing import parse
from app.marketplace.question_forms.reading import Filled, answer_xml, read
from app.marketplace.question_forms.rendering import fields_html

MEDIA_POLICY = "img-src 'self' data: https: http:; media-src https: http:"

__all__ = [
    "MEDIA_POLICY",
    "AnswerKey",
    "Filled",
    "QuestionForm",
    "answer_key",
    "answer_xml",
    "fields_html",
    "parse",
    "read",
]
