"""HITs with the service's real question page, published by plain boto3, and what came back of them."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from app.domain.vocabulary import MediaType
from app.questions import catalogue, envelope, rendering
from app.questions.answers import ItemAnswer, parse_answers
from app.questions.rendering import ShownItem

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient
    from mypy_boto3_mturk.type_defs import AssignmentTypeDef


def pictures(count: int, *, first: int = 1) -> list[ShownItem]:
    """Items of one HIT: pictures of a cat or a dog, the labels alternating between `a` and `b`."""
    labels = [("cat", "dog"), ("dog", "cat")]
    return [
        ShownItem(at + 1, MediaType.IMAGE, *labels[at % 2], media_url=f"https://pictures.test/{first + at}.png")
        for at in range(count)
    ]


def page_of(items: Sequence[ShownItem], template: str = "image") -> str:
    """The question page that the service makes of the Items."""
    chosen = catalogue.load(template)
    return rendering.render(chosen.source, items, title=chosen.title, instructions=chosen.instructions)


def publish(mturk: "MTurkClient", items: Sequence[ShownItem], *, template: str = "image", **changed: Any) -> str:
    """Create a HIT that shows the Items; its id."""
    values: dict[str, Any] = {
        "Title": "Which label fits?",
        "Description": "Look and choose",
        "Reward": "0.05",
        "AssignmentDurationInSeconds": 600,
        "LifetimeInSeconds": 3600,
        "MaxAssignments": 5,
        "Question": envelope.html_question(page_of(items, template)),
        **changed,
    }
    return mturk.create_hit(**values)["HIT"]["HITId"]


def assignments(mturk: "MTurkClient", hit_id: str) -> Iterator["AssignmentTypeDef"]:
    """What was submitted for the HIT."""
    for page in mturk.get_paginator("list_assignments_for_hit").paginate(HITId=hit_id):
        yield from page["Assignments"]


def answers(mturk: "MTurkClient", hit_id: str, item_count: int) -> list[list[ItemAnswer]]:
    """The answers of each Assignment, as the service reads them."""
    return [parse_answers(found["Answer"], item_count=item_count) for found in assignments(mturk, hit_id)]


def votes(mturk: "MTurkClient", hit_id: str, items: Sequence[ShownItem], given_label: str) -> list[Counter[str]]:
    """For each Item of the HIT how often each option was said, in the words of the dataset's owner."""
    counts: list[Counter[str]] = [Counter() for _ in items]
    for assignment in answers(mturk, hit_id, len(items)):
        for item, answer, count in zip(items, assignment, counts, strict=True):
            said = {"a": item.label_a, "b": item.label_b}.get(answer.choice)
            count[answer.choice.value if said is None else "given" if said == given_label else "guessed"] += 1
    return counts


def key_line(**entry: Any) -> str:
    """One line of an answer key about a cat that a model takes for a dog."""
    return json.dumps({"given_label": "cat", "guessed_label": "dog", **entry})
