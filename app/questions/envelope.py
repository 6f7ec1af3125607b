"""A page → the Question XML that CreateHIT takes."""

from app.errors import InvalidInput, Problem
from app.questions.characters import legal_in_xml

MAX_QUESTION_BYTES = 65_535
HTML_QUESTION_XMLNS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd"


def html_question(html: str, *, frame_height: int = 0) -> str:
    """`html` as HTMLQuestion XML; any XML parser reads it back unchanged.

    frame_height: in pixels; 0 lets the marketplace fit the frame to the window.
    Characters that XML 1.0 forbids come out as U+FFFD; of line ends XML parsers give back only U+000A.
    Raises InvalidInput when the XML is larger than MTurk accepts.
    """
    if frame_height < 0:
        raise InvalidInput([Problem(f"{frame_height} is not a height in pixels; use 0 to fit", field="frame_height")])
    # MTurk's schema has no other escape for a page that itself contains the end of a CDATA section.
    content = legal_in_xml(html).replace("]]>", "]]]]><![CDATA[>")
    question = (
        f'<HTMLQuestion xmlns="{HTML_QUESTION_XMLNS}"><HTMLContent><![CDATA[{content}]]></HTMLContent>'
        f"<FrameHeight>{frame_height}</FrameHeight></HTMLQuestion>"
    )
    size = len(question.encode())
    if size > MAX_QUESTION_BYTES:
        raise InvalidInput(
            [
                Problem(
                    f"the question is {size:,} bytes and MTurk takes at most {MAX_QUESTION_BYTES:,};"
                    " show fewer Items per HIT, shorten the text, or host the media and give its URL"
                )
            ]
        )
    return question
