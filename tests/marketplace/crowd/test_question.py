import pytest

from app.domain.vocabulary import MediaType
from app.marketplace.crowd import question
from app.marketplace.crowd.answer_key import plain
from app.marketplace.crowd.behaviours import Answer, Choice
from app.marketplace.crowd.errors import PageNotUnderstood
from app.marketplace.crowd.pages import Page
from app.questions.order import order_for
from app.questions.rendering import ShownItem
from tests.marketplace.crowd.published import page_of, pictures

URL = "https://market.test/frame/3HIT?assignmentId=3ABC"
SOURCE = (Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER)


def read(html: str, assignment_id: str = "3ABC") -> question.Question:
    return question.read(Page.of(URL, 200, html), assignment_id=assignment_id)


def test_a_worker_sees_every_picture_and_its_labels_in_their_places() -> None:
    seen = read(page_of(pictures(3))).items
    assert [item.media_url for item in seen] == [f"https://pictures.test/{at}.png" for at in (1, 2, 3)]
    assert [(item.label_a, item.label_b) for item in seen] == [("cat", "dog"), ("dog", "cat"), ("cat", "dog")]


def test_a_worker_sees_a_sound_by_its_address() -> None:
    sound = ShownItem(1, MediaType.AUDIO, "snare", "tom", media_url="https://sounds.test/a b.flac?x=1&y=2")
    assert read(page_of([sound], "audio")).items[0].media_url == "https://sounds.test/a b.flac?x=1&y=2"


@pytest.mark.parametrize(
    "text",
    ["plain", "two\n\n  lines\tand a tab", "<b>not bold</b> & co ]]> \u202eRTL\u202c 🦊", "a\r\nb", "nul\0here", ""],
)
def test_a_text_is_recognised_after_its_way_through_the_page(text: str) -> None:
    items = [ShownItem(1, MediaType.TEXT, "spam & eggs", "<ham>", text=text)]
    seen = read(page_of(items, "text")).items[0]
    assert plain(seen.text or "") == plain(text)
    assert (seen.label_a, seen.label_b) == ("spam & eggs", "<ham>")


def test_a_relative_address_is_taken_from_the_frame() -> None:
    items = [ShownItem(1, MediaType.IMAGE, "cat", "dog", media_url="/media/1.png")]
    assert read(page_of(items)).items[0].media_url == "https://market.test/media/1.png"


def test_the_order_shown_is_the_one_that_the_page_draws() -> None:
    for number in range(300):
        assignment_id = f"3{number:029X}"
        for position in (1, 2, 3):
            drawn = question.arranged(SOURCE, assignment_id=assignment_id, position=position)
            assert [*drawn] == [choice.value for choice in order_for(assignment_id, position)]


def test_the_form_is_filled_in_as_the_page_does() -> None:
    shown = read(page_of(pictures(2)))
    answers = [Answer(Choice.BOTH, 900), Answer(Choice.CANNOT_TELL, 1200, "Too dark")]
    assert question.filled_in(shown, "3ABC", answers) == {
        "assignmentId": "3ABC",
        "r1-choice": "both",
        "r1-comment": "",
        "r1-order": ",".join(order_for("3ABC", 1)),
        "r1-ms": "900",
        "r2-choice": "cannot_tell",
        "r2-comment": "Too dark",
        "r2-order": ",".join(order_for("3ABC", 2)),
        "r2-ms": "1200",
    }


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<form><input name=choice></form>",
        "<fieldset><input type=radio name=r1-choice value=yes></fieldset>",
        page_of(pictures(1)).replace('value="both"', 'value="all"'),
        page_of(pictures(1)).replace("<img", "<i"),
    ],
)
def test_a_question_of_another_kind_is_named_by_its_address(html: str) -> None:
    with pytest.raises(PageNotUnderstood, match=r"market\.test/frame/3HIT"):
        read(html)
