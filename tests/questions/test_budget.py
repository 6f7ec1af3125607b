import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.vocabulary import MediaType
from app.errors import InvalidInput
from app.questions import catalogue
from app.questions.budget import PageBudget
from app.questions.envelope import MAX_QUESTION_BYTES, html_question
from app.questions.rendering import ShownItem, render

TITLE, INSTRUCTIONS = "Which label fits?", "Choose the label that fits best."
HOSTILE = "😀 ]]> & <b>\"fett\"</b> שלום 'x'"

# What an import lets through: no surrogates, no control characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=60)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=12)


def budget_of(media_type: MediaType) -> PageBudget:
    template = catalogue.load(media_type)
    return PageBudget.of(template.source, media_type=media_type, title=TITLE, instructions=INSTRUCTIONS)


BUDGETS = {media_type: budget_of(media_type) for media_type in MediaType}


def shown(media_type: MediaType, position: int, medium: str, label_a: str, label_b: str) -> ShownItem:
    is_text = media_type is MediaType.TEXT
    return ShownItem(
        position=position,
        media_type=media_type,
        label_a=label_a,
        label_b=label_b,
        media_url=None if is_text else medium,
        text=medium if is_text else None,
    )


def page_bytes(media_type: MediaType, items: list[ShownItem]) -> int:
    source = catalogue.load(media_type).source
    return len(html_question(render(source, items, title=TITLE, instructions=INSTRUCTIONS)).encode())


def told(media_type: MediaType, item: ShownItem) -> int:
    """What the budget says of an Item."""
    return BUDGETS[media_type].item_bytes(
        text=item.text, url=item.media_url, label_a=item.label_a, label_b=item.label_b
    )


@pytest.mark.parametrize("media_type", MediaType)
@pytest.mark.parametrize("count", [1, 2, 9, 10, 25])
def test_a_page_is_never_larger_than_the_budget_says(media_type: MediaType, count: int) -> None:
    medium = HOSTILE * 5 if media_type is MediaType.TEXT else "https://media.example/a%20b?c=d&e=f"
    items = [shown(media_type, position + 1, medium, HOSTILE, "dog") for position in range(count)]
    promised = MAX_QUESTION_BYTES - BUDGETS[media_type].capacity_bytes + sum(told(media_type, item) for item in items)
    assert page_bytes(media_type, items) <= promised


@given(items=st.lists(st.tuples(TEXTS, WORDS, WORDS), min_size=1, max_size=6))
@hypothesis_settings(max_examples=40, deadline=None)
def test_whatever_the_texts_are_the_budget_covers_them(items: list[tuple[str, str, str]]) -> None:
    media_type = MediaType.TEXT
    page = [shown(media_type, n, text or "x", a, b) for n, (text, a, b) in enumerate(items, 1)]
    promised = MAX_QUESTION_BYTES - BUDGETS[media_type].capacity_bytes + sum(told(media_type, item) for item in page)
    assert page_bytes(media_type, page) <= promised


@pytest.mark.parametrize("media_type", MediaType)
def test_the_budget_does_not_waste_the_page(media_type: MediaType) -> None:
    medium = "x" * 2000 if media_type is MediaType.TEXT else "https://media.example/picture.png"
    items = [shown(media_type, position + 1, medium, "cat", "dog") for position in range(10)]
    promised = MAX_QUESTION_BYTES - BUDGETS[media_type].capacity_bytes + sum(told(media_type, item) for item in items)
    assert promised - page_bytes(media_type, items) <= 10 * 100


@pytest.mark.parametrize("filler", ["x", "&", "😀", "<"])
def test_an_item_that_just_fits_makes_a_page_that_mturk_takes(filler: str) -> None:
    budget = BUDGETS[MediaType.TEXT]
    fitting = [
        count
        for count in range(0, MAX_QUESTION_BYTES, 50)
        if budget.fits(budget.item_bytes(text=filler * count, url=None, label_a="cat", label_b="dog"))
    ]
    largest = shown(MediaType.TEXT, 1, filler * fitting[-1], "cat", "dog")
    assert page_bytes(MediaType.TEXT, [largest]) <= MAX_QUESTION_BYTES
    assert not budget.fits(budget.item_bytes(text="x" * MAX_QUESTION_BYTES, url=None, label_a="cat", label_b="dog"))


def test_several_items_of_an_ordinary_size_share_a_page() -> None:
    budget = BUDGETS[MediaType.IMAGE]
    one = budget.item_bytes(text=None, url="https://media.example/" + "a" * 43, label_a="cat", label_b="dog")
    assert budget.capacity_bytes // one >= 10


def test_a_template_that_is_too_large_by_itself_is_refused() -> None:
    with pytest.raises(InvalidInput):
        PageBudget.of(
            "x" * MAX_QUESTION_BYTES + "{% for item in items %}{{ item.label_a }}{% endfor %}",
            media_type=MediaType.TEXT,
            title=TITLE,
            instructions=INSTRUCTIONS,
        )
