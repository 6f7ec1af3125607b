"""QuestionForms for tests, piece by piece."""

from html import escape

NAMESPACE = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/QuestionForm.xsd"
PICTURE = (
    "<Binary><MimeType><Type>image</Type><SubType>png</SubType></MimeType>"
    "<DataURL>https://pictures.example/cat.png</DataURL><AltText>A cat</AltText></Binary>"
)


def form(*parts: str, namespace: str = NAMESPACE) -> str:
    """A QuestionForm of these parts."""
    return f'<QuestionForm xmlns="{namespace}">{"".join(parts)}</QuestionForm>'


def overview(content: str) -> str:
    """An Overview."""
    return f"<Overview>{content}</Overview>"


def question(answer: str, *, id: str = "q", required: bool = False, content: str = "<Text>What?</Text>") -> str:
    """A Question with this answer specification."""
    return (
        f"<Question><QuestionIdentifier>{escape(id)}</QuestionIdentifier>"
        f"<IsRequired>{str(required).lower()}</IsRequired>"
        f"<QuestionContent>{content}</QuestionContent><AnswerSpecification>{answer}</AnswerSpecification></Question>"
    )


def free_text(constraints: str = "", *, default: str = "", lines: int | None = None) -> str:
    """A FreeTextAnswer."""
    return "<FreeTextAnswer>" + text_rules(constraints, default=default, lines=lines) + "</FreeTextAnswer>"


def text_rules(constraints: str = "", *, default: str = "", lines: int | None = None) -> str:
    """What stands in a FreeTextAnswer or an OtherSelection."""
    return (
        (f"<Constraints>{constraints}</Constraints>" if constraints else "")
        + (f"<DefaultText>{escape(default)}</DefaultText>" if default else "")
        + (f"<NumberOfLinesSuggestion>{lines}</NumberOfLinesSuggestion>" if lines is not None else "")
    )


def selection(
    *ids: str,
    style: str | None = "radiobutton",
    least: int | None = None,
    most: int | None = None,
    other: str | None = None,
    contents: dict[str, str] | None = None,
) -> str:
    """A SelectionAnswer; a selection is called as its identifier, unless `contents` says otherwise."""
    shown = contents or {}
    selections = "".join(
        f"<Selection><SelectionIdentifier>{escape(id)}</SelectionIdentifier>"
        f"{shown.get(id, f'<Text>The {escape(id)}</Text>')}</Selection>"
        for id in ids
    )
    return (
        "<SelectionAnswer>"
        + (f"<MinSelectionCount>{least}</MinSelectionCount>" if least is not None else "")
        + (f"<MaxSelectionCount>{most}</MaxSelectionCount>" if most is not None else "")
        + (f"<StyleSuggestion>{style}</StyleSuggestion>" if style is not None else "")
        + f"<Selections>{selections}{'' if other is None else f'<OtherSelection>{other}</OtherSelection>'}</Selections>"
        + "</SelectionAnswer>"
    )


def formatted(markup: str) -> str:
    """FormattedContent in CDATA."""
    return f"<FormattedContent><![CDATA[{markup}]]></FormattedContent>"
