from app.domain.vocabulary import MediaType
from app.questions.catalogue import load
from app.questions.page_text import lines_of
from app.questions.rendering import ShownItem, render


def test_a_page_is_read_line_by_line_without_its_scripts_and_styles() -> None:
    page = """<html><head><title>Not shown</title><style>p {}</style><script>let x = "<p>no</p>"</script></head>
    <body><h1>Which
    label?</h1><p>One &amp; two</p><label>Both<kbd>3</kbd></label><img alt="Picture 1"><audio></audio><p> </p></body>"""
    assert lines_of(page) == ("Which label?", "One & two", "Both 3", "[Picture 1]", "[audio]")


def test_our_own_question_is_there_word_for_word() -> None:
    template = load("image")
    item = ShownItem(1, MediaType.IMAGE, "cat", "dog", media_url="https://images.example/1.png")
    lines = lines_of(render(template.source, [item], title=template.title, instructions=template.instructions))
    assert template.title in lines
    assert template.instructions in lines
    assert [line for line in lines if line[-1] in "1234"] == [
        "cat 1",
        "dog 2",
        "Both are right 3",
        "Neither is right 4",
    ]


def test_no_page_has_no_lines() -> None:
    assert lines_of("") == ()


def test_a_declaration_that_nobody_knows_has_no_words() -> None:
    assert lines_of("<p>a</p><![x y]><p>b</p>") == ("a", "b")
