import re
from collections import Counter
from xml.etree import ElementTree

import pytest

from app.domain.statistics.intervals import Estimate, Interval
from app.reporting import plots
from app.reporting.palette import INK
from app.reporting.svg import as_data_url, as_picture, drawing

ROWS = [("$a$ <b>", Estimate(0.3, 0.1, Interval(0.1, 0.5))), ("none", Estimate(0.0, 0.0, Interval(0.0, 0.02)))]


def drawn(name: str = "shares") -> str:
    return drawing(name, "Shares & <more>", "What is to be seen.", plots.intervals(ROWS, xlabel="share, %"))


def test_a_drawing_is_an_image_with_a_title_and_a_description() -> None:
    root = ElementTree.fromstring(drawn())
    assert root.attrib["role"] == "img"
    assert [root[0].tag, root[0].text, root[1].tag, root[1].text] == [
        "title",
        "Shares & <more>",
        "desc",
        "What is to be seen.",
    ]
    assert root.attrib["aria-labelledby"].split() == [root[0].attrib["id"], root[1].attrib["id"]]


def test_a_drawing_has_no_inline_style_which_the_consoles_policy_forbids() -> None:
    svg = drawn()
    assert "style" not in svg
    assert "<script" not in svg
    assert "http" not in svg


def test_ink_takes_the_pages_colour() -> None:
    svg = drawn()
    assert INK not in svg
    assert 'fill="currentColor"' in svg


def test_names_are_no_formulas() -> None:
    texts = [element.text for element in ElementTree.fromstring(drawn()).iter("text")]
    assert "$a$ <b>" in texts


def test_two_drawings_of_a_page_share_no_id_and_every_reference_has_its_target() -> None:
    page = drawn("one") + drawn("two")
    ids = Counter(re.findall(r'\bid="([^"]+)"', page))
    assert max(ids.values()) == 1
    referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page))
    assert {first or second for first, second in referred} <= set(ids)


def test_the_same_figures_give_the_same_bytes() -> None:
    assert drawn() == drawn()


@pytest.mark.parametrize("text", ["width", "shares"])
def test_a_picture_stands_alone_dark_on_white(text: str) -> None:
    root = ElementTree.fromstring(as_picture(drawn(text)))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root[0].attrib["fill"], root.attrib["color"]) == ("#fff", "#1b1f24")
    assert as_data_url(drawn(text)).startswith("data:image/svg+xml;base64,")
