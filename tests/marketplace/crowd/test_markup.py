import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace.crowd.markup import parse


def test_text_and_attributes_are_found_whatever_is_left_open() -> None:
    root = parse("<ul><li id=x>one &amp; two<li class='b c'>three</ul></p></div><br><p hidden>four").root
    assert (root.first("li", id="x") or root).get("id") == "x"
    assert [element.classes for element in root.all("li")] == [[], ["b", "c"]]
    assert root.text() == "one & twothreefour"
    assert (root.first("p") or root).attributes == {"hidden": ""}


def test_scripts_do_not_become_elements() -> None:
    root = parse("<script>if (a < b) document.write('<form id=evil>')</script><p>after</p>").root
    assert root.first("form") is None
    assert (root.first("p") or root).text() == "after"


def test_a_page_nested_a_hundred_thousand_deep_is_read() -> None:
    assert parse("<div>" * 100_000 + "x").root.text() == "x"


@given(st.text(alphabet=st.sampled_from("<>/='\"!-&;# abdiv\0\n"), max_size=200))
def test_no_page_is_too_broken_to_read(html: str) -> None:
    parse(html).root.text()


@pytest.mark.parametrize("declaration", ["<![foo bar]>", "<![if IE]>", "<!bar>", "<![CDATA[x]]>"])
def test_declarations_that_no_browser_knows_are_comments(declaration: str) -> None:
    assert parse(f"<p>a{declaration}b</p>").root.text() == "ab"


def test_an_id_that_stands_twice_means_the_first() -> None:
    page = parse("<p id=a>one</p><p id=a>two</p><p id>three</p>")
    assert {id: element.text() for id, element in page.by_id.items()} == {"a": "one"}
