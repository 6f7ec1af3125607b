"""The question in a real browser, in a sandboxed frame as marketplaces show it."""

import base64
import io
import time
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Frame, expect

from app.domain.vocabulary import Choice, MediaType
from app.questions import catalogue
from app.questions.answers import ItemAnswer, parse_answers
from app.questions.order import order_for
from app.questions.rendering import ShownItem, render
from tests.browsing import PATIENCE_MS, wait_for_the_keyboard
from tests.questions.frame_host import FrameHost, Posted, answer_xml

pytestmark = pytest.mark.browser

UNSWAPPED = "3A"  # with this Assignment id Item 1 is shown b first, Item 2 a first
HOSTILE = "]]> & <script>alert(1)</script> \"q\" 'q' 🙃 \u202eעברית\u202c\n  second line"
Show = Callable[..., Frame]


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def show(context: BrowserContext, frame_host: FrameHost) -> Show:
    """Opens Items of a template as an accepted HIT and gives the frame."""

    def show(*items: ShownItem, name: str = "text", url: str = "", assignment_id: str = "3A") -> Frame:
        template = catalogue.load(name)
        shown = list(items) or texts("one", "two")
        frame_host.page = render(template.source, shown, title=template.title, instructions=template.instructions)
        page = context.new_page()
        page.goto(url or frame_host.work_url(assignment_id))
        frame = page.frames[1]
        frame.wait_for_load_state("load")
        return frame

    return show


def texts(*contents: str, label_a: str = "cat", label_b: str = "dog") -> list[ShownItem]:
    return [
        ShownItem(number, MediaType.TEXT, label_a, label_b, text=content)
        for number, content in enumerate(contents, start=1)
    ]


def picture(position: int, url: str) -> ShownItem:
    return ShownItem(position, MediaType.IMAGE, "cat", "dog", media_url=url)


def png(width: int, height: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def keys(frame: Frame, *presses: str) -> None:
    wait_for_the_keyboard(frame.locator("body"))
    for press in presses:
        frame.page.keyboard.press(press)


def posted_to(host: FrameHost) -> Posted:
    return host.posted.get(timeout=PATIENCE_MS / 1000)


def answers_to(host: FrameHost, *, item_count: int) -> list[ItemAnswer]:
    return parse_answers(answer_xml(posted_to(host)), item_count=item_count)


def focus(frame: Frame) -> None:
    frame.locator("h1").click()  # as a Worker does who uses the keyboard in a frame


def test_two_items_are_answered_and_submitted_with_three_keys(show: Show, frame_host: FrameHost) -> None:
    frame = show()
    focus(frame)
    keys(frame, "1", "4", "Enter")
    posted = posted_to(frame_host)
    assert [name for name, _ in posted] == [
        "assignmentId",
        *("r1-choice", "r1-comment", "r1-order", "r1-ms"),
        *("r2-choice", "r2-comment", "r2-order", "r2-ms"),
    ]
    assert dict(posted)["assignmentId"] == "3A"
    first, second = parse_answers(answer_xml(posted), item_count=2)
    assert (first.choice, first.order_shown) == (order_for("3A", 1)[0], order_for("3A", 1))
    assert (second.choice, second.order_shown) == (Choice.NEITHER, order_for("3A", 2))
    assert first.elapsed_ms is not None
    assert second.elapsed_ms is not None
    assert (first.comment, second.comment) == ("", "")
    assert frame_host.submit_path == "/mturk/externalSubmit"
    expect(frame.locator("p")).to_have_text("Submitted")


def test_the_first_key_answers_without_a_click_into_the_frame(show: Show) -> None:
    frame = show()
    keys(frame, "1")
    expect(frame.locator("#progress")).to_have_text("1 of 2 answered")


@pytest.mark.parametrize("assignment_id", ["3A", "3B", "3XJOUITW8URHJMX7F00H20LGRIAQTX", "x" * 200, "Zoë🙃"])
def test_the_order_shown_is_that_of_order_for(show: Show, assignment_id: str) -> None:
    frame = show(*texts("one", "two", "three"), assignment_id=assignment_id)
    for position in (1, 2, 3):
        values = frame.locator(f"[name=r{position}-choice]").evaluate_all("radios => radios.map(radio => radio.value)")
        expected = order_for(assignment_id, position)
        assert values == [*expected, Choice.CANNOT_TELL]
        assert frame.locator(f"[name=r{position}-order]").input_value() == ",".join(expected)
        item = frame.locator(".item").nth(position - 1)
        assert item.locator("bdi").all_text_contents() == [{"a": "cat", "b": "dog"}[choice] for choice in expected[:2]]
        assert item.locator("kbd").all_text_contents() == ["1", "2", "3", "4", "5"]


def test_a_key_answers_by_the_place_where_the_label_is_shown(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one"), assignment_id="3A")
    focus(frame)
    keys(frame, "2", "Enter")
    assert answers_to(frame_host, item_count=1)[0].choice is order_for("3A", 1)[1]


def test_before_accepting_everything_is_shown_and_nothing_can_be_answered(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one", "two"), url=frame_host.preview_url())
    expect(frame.get_by_text("Preview: accept the HIT to answer")).to_be_visible()
    expect(frame.get_by_text("two", exact=True)).to_be_visible()
    focus(frame)
    keys(frame, "1", "2", "Enter")
    assert frame.locator("[type=radio]:checked").count() == 0
    assert frame.locator("[type=radio]:not(:disabled)").count() == 0
    expect(frame.get_by_role("button", name="Submit")).to_be_disabled()
    assert frame_host.posted.empty()


def test_a_page_without_frame_parameters_is_a_preview(show: Show, frame_host: FrameHost) -> None:
    frame = show(url=f"{frame_host.url}/work")
    expect(frame.locator("#banner")).to_have_text("Preview: accept the HIT to answer")


def test_submit_waits_for_every_answer(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one", "two", "three"))
    button, progress = frame.get_by_role("button", name="Submit"), frame.locator("#progress")
    focus(frame)
    for number, key in enumerate(["1", "2", "3"]):
        expect(progress).to_have_text(f"{number} of 3 answered")
        expect(button).to_be_disabled()
        keys(frame, "Enter", key)
    expect(progress).to_have_text("3 of 3 answered")
    expect(button).to_be_enabled()
    assert frame_host.posted.empty()


@pytest.mark.parametrize("key", ["5", "0"])
def test_cannot_tell_asks_for_a_comment_that_takes_digits_and_line_ends(
    show: Show, frame_host: FrameHost, key: str
) -> None:
    frame = show()
    focus(frame)
    keys(frame, key)
    box = frame.get_by_label("What is the difficulty?").first
    expect(box).to_be_focused()
    expect(frame.locator("#progress")).to_have_text("1 of 2 answered")
    keys(frame, *"1 2", "Enter", *"x")
    expect(box).to_have_value("1 2\nx")
    keys(frame, "Tab")
    keys(frame, "3", "Enter")
    first, second = answers_to(frame_host, item_count=2)
    assert (first.choice, first.comment.split()) == (Choice.CANNOT_TELL, ["1", "2", "x"])
    assert (second.choice, second.comment) == (Choice.BOTH, "")


def test_cannot_tell_needs_no_comment(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one"))
    keys(frame, "5")
    expect(frame.get_by_label("What is the difficulty? (optional)")).to_be_focused()
    frame.get_by_role("button", name="Submit").click()
    answer = answers_to(frame_host, item_count=1)[0]
    assert (answer.choice, answer.comment) == (Choice.CANNOT_TELL, "")


# Only Control: Chromium on Linux now and then never answers to Meta+Enter.
def test_a_comment_is_left_and_submitted_with_the_keyboard(show: Show, frame_host: FrameHost) -> None:
    frame = show()
    keys(frame, "5", "x", "Control+Enter")
    expect(frame.locator("[name=r2-choice]").first).to_be_focused()
    assert frame_host.posted.empty()
    keys(frame, "5", "Control+Enter")
    first, second = answers_to(frame_host, item_count=2)
    assert (first.choice, first.comment) == (Choice.CANNOT_TELL, "x")
    assert (second.choice, second.comment) == (Choice.CANNOT_TELL, "")


def test_a_comment_is_not_sent_when_the_worker_can_tell_after_all(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one"))
    focus(frame)
    keys(frame, "5", "x")
    frame.get_by_label("Both are right").check()
    expect(frame.get_by_label("What is the difficulty?")).to_be_hidden()
    frame.get_by_role("button", name="Submit").click()
    answer = answers_to(frame_host, item_count=1)[0]
    assert (answer.choice, answer.comment) == (Choice.BOTH, "")


def test_two_submits_send_one_answer(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one"))
    focus(frame)
    keys(frame, "1")
    frame.evaluate("() => { document.forms[0].requestSubmit(); document.forms[0].requestSubmit(); }")
    posted_to(frame_host)
    expect(frame.locator("p")).to_have_text("Submitted")
    assert frame_host.posted.empty()


def test_clicking_an_answer_moves_on_to_the_next_unanswered_item(show: Show) -> None:
    frame = show(*texts("one", "two", "three"))
    frame.locator(".item").nth(1).get_by_text("Both are right").click()
    expect(frame.locator(".item").nth(2)).to_have_class("item current")
    frame.locator(".item").nth(2).get_by_text("Both are right").click()
    expect(frame.locator(".item").nth(0)).to_have_class("item current")
    frame.locator(".item").nth(0).get_by_text("Both are right").click()
    expect(frame.get_by_role("button", name="Submit")).to_be_focused()


def test_arrow_keys_choose_within_an_item_without_leaving_it(show: Show) -> None:
    frame = show()
    frame.locator("[name=r1-choice]").first.focus()
    keys(frame, "ArrowDown", "ArrowDown")
    expect(frame.locator("[name=r1-choice]").nth(2)).to_be_focused()
    expect(frame.locator("#progress")).to_have_text("1 of 2 answered")


def test_a_key_held_down_answers_one_item_only(show: Show) -> None:
    frame = show(*texts("one", "two", "three"))
    focus(frame)
    for _ in range(3):
        frame.page.keyboard.down("1")  # without `up` in between the browser sees repeats
    expect(frame.locator("#progress")).to_have_text("1 of 3 answered")


def test_shortcuts_of_the_browser_are_left_alone(show: Show) -> None:
    frame = show()
    focus(frame)
    keys(frame, "Alt+1", "Control+2")
    expect(frame.locator("#progress")).to_have_text("0 of 2 answered")


def test_time_is_counted_from_the_previous_answer(show: Show, frame_host: FrameHost) -> None:
    frame = show()
    focus(frame)
    frame.page.wait_for_timeout(600)
    before_the_first = time.monotonic()
    keys(frame, "1")
    frame.page.wait_for_timeout(400)
    keys(frame, "1")
    between_them_ms = (time.monotonic() - before_the_first) * 1000
    keys(frame, "Enter")
    second = answers_to(frame_host, item_count=2)[1]
    assert second.elapsed_ms is not None
    assert 390 <= second.elapsed_ms <= between_them_ms + 1


@pytest.mark.parametrize("ending", ["", "/", "//"])
def test_the_form_goes_to_external_submit_with_or_without_a_slash(
    show: Show, frame_host: FrameHost, ending: str
) -> None:
    frame = show(url=frame_host.work_url("3A", submit_to=frame_host.url + ending))
    assert frame.evaluate("document.forms[0].action") == f"{frame_host.url}/mturk/externalSubmit"


def test_a_submit_address_that_is_no_web_address_is_refused(show: Show, frame_host: FrameHost) -> None:
    frame = show(url=frame_host.work_url("3A", submit_to="javascript:alert(1)//"))
    expect(frame.locator("#banner")).to_contain_text("does not know where to send answers")
    assert frame.locator("[type=radio]:not(:disabled)").count() == 0


def test_hostile_text_is_shown_as_it_is(show: Show) -> None:
    frame = show(*texts(HOSTILE, label_a='<b>"cat"</b> & co', label_b="כלב"))
    assert frame.locator(".text").text_content() == HOSTILE
    assert sorted(frame.locator("bdi").all_text_contents()) == ['<b>"cat"</b> & co', "כלב"]


@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_a_phone_needs_no_sideways_scroll_and_has_large_targets(
    chromium: Browser, frame_host: FrameHost, name: str
) -> None:
    template = catalogue.load(name)
    wide = ShownItem(
        1,
        template.media_type,
        "a_very_long_label_without_any_space_" * 4,
        "W" * 90,
        media_url=png(3000, 200) if name == "image" else "data:,",
        text="w" * 500,
    )
    frame_host.page = render(template.source, [wide], title="T" * 90, instructions="i" * 90)
    with chromium.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True) as phone:
        page = phone.new_page()
        page.goto(f"{frame_host.url}/frame?assignmentId=3A&turkSubmitTo={frame_host.url}")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        heights = page.locator(".choice, button").evaluate_all("all => all.map(one => one.offsetHeight)")
        assert min(heights) >= 44
        expect(page.locator(".keys")).to_be_hidden()
        expect(page.locator("kbd").first).to_be_hidden()
        page.locator(".choice").nth(3).tap()
        expect(page.get_by_role("button", name="Submit")).to_be_enabled()


def test_a_picture_leaves_room_for_the_choices_on_a_phone(chromium: Browser, frame_host: FrameHost) -> None:
    template = catalogue.load("image")
    frame_host.page = render(template.source, [picture(1, png(600, 900))], title="T", instructions="I")
    with chromium.new_context(viewport={"width": 390, "height": 624}, is_mobile=True, has_touch=True) as phone:
        page = phone.new_page()
        page.goto(f"{frame_host.url}/frame?assignmentId=3A&turkSubmitTo={frame_host.url}")
        width, height = page.locator("img").evaluate("i => [i.offsetWidth, i.offsetHeight]")
        assert height <= 0.38 * 624
        assert width / height == pytest.approx(2 / 3, rel=0.02)
        for place in (0, 1):
            bottom = page.locator(".choice").nth(place).evaluate("e => e.getBoundingClientRect().bottom")
            assert bottom <= page.locator(".bar").evaluate("e => e.getBoundingClientRect().top")


def test_the_bar_stands_at_the_foot_of_the_frame_below_a_short_question(show: Show) -> None:
    frame = show(*texts("one"))
    bottom = frame.locator(".bar").evaluate("e => e.getBoundingClientRect().bottom - innerHeight")
    assert bottom == pytest.approx(0, abs=1)


def test_tiny_pictures_are_enlarged_with_sharp_pixels_and_large_ones_fit(show: Show) -> None:
    frame = show(picture(1, png(28, 28)), picture(2, png(300, 200)), picture(3, png(4000, 3000)), name="image")
    tiny, plain, large = frame.locator("img").all()
    assert tiny.evaluate("i => [i.offsetWidth, i.offsetHeight]") == [280, 280]
    assert tiny.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    assert plain.evaluate("i => [i.offsetWidth, i.offsetHeight]") == [300, 200]
    width, height = large.evaluate("i => [i.offsetWidth, i.offsetHeight]")
    assert width / height == pytest.approx(4 / 3, rel=0.02)
    assert height <= 320


@pytest.mark.parametrize("name", ["image", "audio"])
def test_media_that_do_not_load_are_said_to(show: Show, frame_host: FrameHost, name: str) -> None:
    media_type = MediaType(name)
    sound = example_of("audio") if name == "audio" else png(200, 200)
    frame = show(
        ShownItem(1, media_type, "cat", "dog", media_url=f"{frame_host.url}/missing"),
        ShownItem(2, media_type, "cat", "dog", media_url=sound),
        name=name,
    )
    notes = frame.get_by_text("This did not load.")
    expect(notes.nth(0)).to_be_visible()
    expect(notes.nth(1)).to_be_hidden()


def example_of(name: str) -> str:
    url = catalogue.example_items(name)[0].media_url
    assert url
    return url


def test_the_sounds_of_the_examples_play_with_a_key_and_one_at_a_time(show: Show) -> None:
    sounds = [ShownItem(n, MediaType.AUDIO, "a", "b", media_url=example_of("audio")) for n in (1, 2)]
    frame = show(*sounds, name="audio")
    focus(frame)
    assert (
        frame.locator("audio").nth(0).evaluate("a => new Promise(done => { a.oncanplay = a.onplay = done; a.load() })")
    )
    frame.evaluate("window.plays = []; document.addEventListener('play', e => plays.push(e.target.ariaLabel), true)")
    keys(frame, "p")
    # Not wait_for_function: it evaluates text in the page, which the page's policy forbids.
    frame.evaluate("new Promise(done => { (function look() { plays.length ? done() : setTimeout(look, 20) })() })")
    assert frame.evaluate("plays") == ["Sound 1 of 2"]


def test_without_scripts_the_page_says_what_it_needs(context: BrowserContext, frame_host: FrameHost) -> None:
    template = catalogue.load("text")
    frame_host.page = render(template.source, texts("one"), title="T", instructions="I")
    page = context.new_page()
    page.set_content(f'<iframe sandbox src="{frame_host.url}/frame?assignmentId=3A" width="900" height="700"></iframe>')
    frame = page.frames[1]
    expect(frame.locator("noscript p")).to_be_visible()
    expect(frame.locator("noscript p")).to_contain_text("This question needs JavaScript.")
    expect(frame.locator("button")).to_be_disabled()


def test_a_screen_reader_hears_the_item_the_question_and_plain_choices(show: Show) -> None:
    frame = show(picture(1, png(20, 20)), picture(2, png(20, 20)), name="image")
    group = frame.get_by_role("group", name="Picture 1 of 2 Which of these describes the picture?")
    expect(group.get_by_role("img", name="Picture 1 of 2")).to_be_visible()
    for name in ("cat", "dog", "Both are right", "Neither is right", "I cannot tell, or it does not load"):
        expect(group.get_by_role("radio", name=name, exact=True)).to_be_visible()
    expect(frame.locator("#progress")).to_have_attribute("aria-live", "polite")


@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_nothing_comes_from_outside_and_nothing_goes_wrong(
    context: BrowserContext, show: Show, frame_host: FrameHost, name: str
) -> None:
    requested: list[str] = []
    faults: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    context.on("console", lambda message: faults.append(message.text))
    context.on("weberror", lambda error: faults.append(str(error.error)))
    frame = show(*catalogue.example_items(name), name=name)
    focus(frame)
    keys(frame, "1", "2")
    ours = (frame_host.url, "data:")
    assert [url for url in requested if not url.startswith(ours)] == []
    assert [fault for fault in faults if "favicon" not in fault and "404" not in fault] == []


def test_nothing_is_under_the_bar_when_the_keyboard_gets_there(show: Show) -> None:
    frame = show(*texts(*["word " * 120] * 5))
    focus(frame)
    for _ in range(4):
        keys(frame, "1")
        box = frame.locator(":focus").evaluate("e => e.closest('label').getBoundingClientRect().bottom")
        assert box <= frame.locator(".bar").evaluate("e => e.getBoundingClientRect().top")


def test_going_back_after_submitting_shows_an_unanswered_page(show: Show, frame_host: FrameHost) -> None:
    frame = show(*texts("one"))
    focus(frame)
    keys(frame, "1", "Enter")
    posted_to(frame_host)
    expect(frame.locator("p")).to_have_text("Submitted")
    frame.page.evaluate("history.back()")
    expect(frame.get_by_role("button")).to_have_text("Submit")
    assert frame.locator(":checked").count() == 0
