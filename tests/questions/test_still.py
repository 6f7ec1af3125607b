"""A page as a picture: well-formed, silent, and as its Worker sees it."""

import io
from base64 import b64encode
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Browser

from app.domain.vocabulary import MediaType
from app.questions import catalogue
from app.questions.rendering import ShownItem, render
from app.questions.still import place_of, still

XHTML = "{http://www.w3.org/1999/xhtml}"


def parsed(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(still(page, sizes={}))


def body_of(page: str) -> ElementTree.Element:
    body = parsed(page).find(f".//{XHTML}body")
    assert body is not None
    return body


def tags_of(page: str) -> list[str]:
    return [element.tag.removeprefix(XHTML) for element in body_of(page).iter()][1:]


def words_of(page: str) -> str:
    return " ".join("".join(body_of(page).itertext()).split())


@pytest.mark.parametrize("name", ["image", "text", "audio"])
def test_each_template_becomes_a_picture_with_all_its_words(name: str) -> None:
    template = catalogue.load(name)
    [item, *_] = catalogue.example_items(name)
    page = render(template.source, [item], title=template.title, instructions=template.instructions)
    words = words_of(page)
    for expected in (template.title, item.label_a, item.label_b, "Both are right", "Submit"):
        assert expected in words
    assert "needs JavaScript" not in words
    assert f"{XHTML}script" not in {element.tag for element in parsed(page).iter()}


def test_nothing_in_it_runs_or_fetches() -> None:
    page = """<base href="http://evil.example"><link rel=stylesheet href=//evil.example/a.css><body onload="x()">
    <script>alert(1)</script><iframe src="http://evil.example">old</iframe><svg><script>x</script></svg>
    <a href="javascript:x()" ping="//evil.example">a</a><form action="//evil.example"><button formaction=x>b</button></form>
    <img src="http://evil.example/a.png?key=secret" onerror="x()"><video src=//evil.example poster=//evil.example></video>
    <img src="data:image/svg+xml,<svg onload='x()'/>">"""
    root = parsed(page)
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on")]
        assert not {"src", "href", "action", "formaction", "poster", "ping"} & set(element.attrib)
    text = ElementTree.tostring(root, encoding="unicode")
    assert "alert" not in text
    assert "secret" not in text


def test_a_medium_from_elsewhere_becomes_a_box_that_names_it_without_its_key() -> None:
    words = words_of(
        '<img src="https://images.example/1.png?signature=abc" alt="Picture 1 of 1"><audio aria-label="Sound">old</audio>'
    )
    assert words == "Picture 1 of 1https://images.example/1.png▶ Sound"


def test_styles_fetch_nothing() -> None:
    page = """<style>@import url("//evil.example/a.css"); p { background: red URL( //evil.example/b ) }
    b { background: url('data:image/png;base64,AAAA') }</style><p style="mask: url(//evil.example/c)">a</p>
    <svg><path fill="url(#part)" filter="url(//evil.example/d)"/></svg>"""
    text = ElementTree.tostring(parsed(page), encoding="unicode")
    assert "evil" not in text
    for kept in ("p { background: red none }", "url('data:image/png;base64,AAAA')", 'style="mask: none"', "url(#part)"):
        assert kept in text


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://me:secret@images.example:8000/1.png?key=secret#a", "https://images.example/1.png"),
        ("https:///1.png", ""),
        ("http://[1", ""),
        ("about:blank", ""),
    ],
)
def test_a_place_has_no_key(address: str, place: str) -> None:
    assert place_of(address) == place


@pytest.mark.parametrize("odd", ["<![if IE]>", "<![x y]>", "<![", "<!"])
def test_declarations_that_nobody_knows_are_no_crash(odd: str) -> None:
    assert "a" in words_of(f"<p>a</p>{odd}")


@pytest.mark.parametrize(
    ("page", "tags"),
    [
        ("<p>a<p>b<div>c</div>", ["p", "p", "div"]),
        ("<ul><li>a<li>b</ul><br>d</nonsense>", ["ul", "li", "li", "br"]),
        ("<table><tr><td>a<td>b<tr><th>c</table>", ["table", "tr", "td", "td", "tr", "th"]),
        ("<b>never closed <i>nor this", ["b", "i"]),
        ('<p @click="x" 1="y" a:b="c" hidden>&#1; & &lt;', ["p"]),
        ("<html lang=de><head><title>t</title><style>a > b { }</style></head><body class=x><p>a</body></html>", ["p"]),
    ],
)
def test_whatever_html_forgives_is_well_formed(page: str, tags: list[str]) -> None:
    assert tags_of(page) == tags


def test_a_drawing_on_the_page_stays_a_drawing() -> None:
    [svg] = body_of('<svg viewBox="0 0 9 9"><path d="M0 0h9"/></svg>')
    assert (svg.tag, svg.attrib) == ("{http://www.w3.org/2000/svg}svg", {"viewBox": "0 0 9 9"})
    assert svg[0].tag == "{http://www.w3.org/2000/svg}path"


def test_a_page_nested_beyond_reason_is_no_crash() -> None:
    assert words_of("<div>" * 5000 + "deep") == "deep"


def test_the_fieldset_is_open_as_after_accepting() -> None:
    [fieldset] = parsed("<fieldset disabled><button disabled>Submit</button></fieldset>").iter(f"{XHTML}fieldset")
    assert (fieldset.attrib, fieldset[0].attrib) == ({}, {"disabled": "disabled"})


@pytest.mark.browser
@pytest.mark.parametrize(("size", "width"), [((28, 20), 280), ((128, 64), 256), ((200, 100), 200)])
def test_a_small_picture_is_as_large_as_the_pages_script_makes_it(
    size: tuple[int, int], width: int, chromium: Browser, tmp_path: Path
) -> None:
    written = io.BytesIO()
    Image.new("RGB", size, "navy").save(written, "PNG")
    url = f"data:image/png;base64,{b64encode(written.getvalue()).decode()}"
    template = catalogue.load("image")
    item = ShownItem(1, MediaType.IMAGE, "cat", "dog", media_url=url)
    page = render(template.source, [item], title=template.title, instructions=template.instructions)
    (tmp_path / "live.html").write_text(page, encoding="utf-8")
    (tmp_path / "still.svg").write_text(still(page, sizes={url: size}), encoding="utf-8")
    window = chromium.new_page(viewport={"width": 880, "height": 600})
    found = []
    for name in ("live.html?assignmentId=3A&turkSubmitTo=https://marketplace.example", "still.svg"):
        window.goto(f"{tmp_path.as_uri()}/{name}")
        found.append(window.locator("img").evaluate("image => image.getBoundingClientRect().toJSON()"))
    window.close()
    assert [box["width"] for box in found] == [width, width]
    assert found[0] == found[1]
