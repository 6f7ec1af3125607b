"""The fields of a QuestionForm's questions as HTML, and what they are called.

A question's field is called `q` and its number, the text of its own answer `q` and number and `.other`: identifiers are
the Requester's and could be anything, `assignmentId` too.
"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from app.marketplace.question_forms import formatted_content
from app.marketplace.question_forms.contents import attributes_html, label, media_html
from app.marketplace.question_forms.form import Choice, Formatted, FreeText, Question, Selection, Style, Text

Given = Mapping[str, Sequence[str]]
# The value of the choice "Other": no selection can have it, for identifiers are never empty.
OTHER_VALUE = ""
_LONGEST_LIST = 10


def field_name(question: Question) -> str:
    """The name of the question's field in the form."""
    return f"q{question.number}"


def other_name(question: Question) -> str:
    """The name of the field for an answer of one's own."""
    return f"q{question.number}.other"


def is_combobox(choice: Choice) -> bool:
    """Is one text chosen from a list of suggestions? Only different texts can be suggested."""
    texts = [selection.content.text for selection in choice.selections if isinstance(selection.content, Text)]
    return choice.style is Style.COMBOBOX and choice.most == 1 and len({*texts, ""}) == len(choice.selections) + 1


def has_buttons(choice: Choice) -> bool:
    """Is it shown as radio buttons or boxes to tick? A list can show plain text only."""
    plain = all(isinstance(selection.content, Text) for selection in choice.selections)
    return not plain or choice.style in {Style.RADIOBUTTON, Style.CHECKBOX}


def field_html(question: Question, given: Given, *, bad: bool) -> Markup:
    """The question's field or fields with what was given before; `bad` when a problem is shown beside them."""
    if isinstance(question.answer, FreeText):
        return _free_text(question, question.answer, given, bad=bad)
    return _choice(question, question.answer, given, bad=bad)


def _described(question: Question, *, bad: bool) -> dict[str, str | None]:
    """What a screen reader is told of a field without a label of its own."""
    name = field_name(question)
    return {
        "aria_labelledby": f"{name}-name {name}-content",
        "aria_describedby": f"{name}-problem" if bad else None,
        "aria_invalid": "true" if bad else None,
    }


def _free_text(question: Question, text: FreeText, given: Given, *, bad: bool) -> Markup:
    attributes = attributes_html(required=question.required, **_described(question, bad=bad))
    return _text_box(field_name(question), text, given, attributes)


def _text_box(name: str, text: FreeText, given: Given, attributes: Markup) -> Markup:
    values = given.get(name)
    value = values[-1] if values else text.default
    limits = attributes_html(
        minlength=text.min_length or None,
        maxlength=text.max_length,
        inputmode="decimal" if text.numeric else None,
        dir="auto",
    )
    if text.lines > 1 or "\n" in value:
        # The first line feed after the tag is not part of the text.
        return Markup('<textarea name="{}" rows="{}"{}{}>\n{}</textarea>').format(
            name, max(2, text.lines), limits, attributes, value
        )
    return Markup('<input type="text" name="{}" value="{}" autocomplete="off"{}{}>').format(
        name, value, limits, attributes
    )


def _choice(question: Question, choice: Choice, given: Given, *, bad: bool) -> Markup:
    if is_combobox(choice):
        return _combobox(question, choice, given, bad=bad)
    shown = _buttons if has_buttons(choice) else _select
    return _hint(choice) + shown(question, choice, given, bad=bad)


def _hint(choice: Choice) -> Markup:
    if choice.most == 1:
        return Markup("")
    if choice.least == choice.most:
        said = f"Choose {choice.least}."
    elif choice.most < len(choice.selections) + (choice.other is not None):
        said = f"Choose {choice.least} to {choice.most}." if choice.least else f"Choose up to {choice.most}."
    else:
        said = f"Choose at least {choice.least}." if choice.least > 1 else "You can choose several."
    return Markup('<p class="qf-hint">{}</p>').format(said)


def _combobox(question: Question, choice: Choice, given: Given, *, bad: bool) -> Markup:
    name = field_name(question)
    options = Markup("").join(Markup('<option value="{}">').format(label(one)) for one in choice.selections)
    default = choice.other.default if choice.other else ""
    values = given.get(name)
    attributes = attributes_html(required=question.required, autocomplete="off", **_described(question, bad=bad))
    value = values[-1] if values else default
    box = Markup('<input type="text" name="{0}" list="{0}-list" value="{1}" dir="auto"{2}>').format(
        name, value, attributes
    )
    return box + Markup('<datalist id="{}-list">{}</datalist>').format(name, options)


def _select(question: Question, choice: Choice, given: Given, *, bad: bool) -> Markup:
    name, chosen = field_name(question), set(given.get(field_name(question), ()))
    several = choice.most > 1
    size = min(_LONGEST_LIST, len(choice.selections) + (not several)) if choice.style is not Style.DROPDOWN else None
    options = Markup("").join(
        Markup('<option value="{}"{}>{}</option>').format(
            one.id, attributes_html(selected=one.id in chosen), label(one)
        )
        for one in choice.selections
    )
    if not several:
        options = Markup('<option value="">{}</option>').format("Other" if choice.other else "Choose…") + options
    attributes = attributes_html(
        multiple=several,
        size=size if several or choice.style is Style.LIST else None,
        required=question.required and choice.other is None,
        **_described(question, bad=bad),
    )
    shown = Markup('<select name="{}"{}>{}</select>').format(name, attributes, options)
    return shown + _own_answer(question, choice, given)


def _own_answer(question: Question, choice: Choice, given: Given) -> Markup:
    if choice.other is None:
        return Markup("")
    box = _text_box(other_name(question), choice.other, given, Markup(""))
    return Markup('<label class="qf-own"><span>Your own answer</span> {}</label>').format(box)


def _buttons(question: Question, choice: Choice, given: Given, *, bad: bool) -> Markup:
    name, chosen = field_name(question), set(given.get(field_name(question), ()))
    kind = "radio" if choice.most == 1 and choice.style is not Style.CHECKBOX else "checkbox"
    common = attributes_html(
        type=kind,
        name=name,
        required=question.required and kind == "radio",
        aria_describedby=f"{name}-problem" if bad else None,
    )
    options = [
        _option(Markup('<input{} value="{}"{}>').format(common, one.id, attributes_html(checked=one.id in chosen)), one)
        for one in choice.selections
    ]
    if choice.other is not None:
        box = _text_box(other_name(question), choice.other, given, attributes_html(aria_label="Your own answer"))
        options.append(
            Markup(
                '<div class="qf-option"><label><input{} value="{}"{}><span class="qf-label">Other:</span></label>{}</div>'
            ).format(common, OTHER_VALUE, attributes_html(checked=OTHER_VALUE in chosen), box)
        )
    return Markup('<div class="qf-options">{}</div>').format(Markup("").join(options))


def _option(control: Markup, selection: Selection) -> Markup:
    content = selection.content
    if isinstance(content, Text):
        shown, beside = escape(label(selection)), Markup("")
    elif isinstance(content, Formatted):
        shown, beside = formatted_content.to_html(content.tree), Markup("")
    elif content.kind == "image":
        shown, beside = media_html(content), Markup("")
    else:
        # A player inside a label would choose its option when it is only meant to play.
        shown, beside = escape(label(selection)), media_html(content)
    return Markup('<div class="qf-option"><label>{}<span class="qf-label" dir="auto">{}</span></label>{}</div>').format(
        control, shown, beside
    )
