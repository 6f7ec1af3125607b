"""Paging (mturk-facts §1.5): every page with rows carries a token, the last one too; the end is an empty page."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from app.db.engine import Database
from app.marketplace import layouts
from app.marketplace.context import utc_now
from app.marketplace.requesters import FIRST_REQUESTER_ID
from tests.contract.conftest import Post
from tests.contract.inputs import EXTERNAL, NOWHERE, hit_input, publish, qualification_type, type_input
from tests.contract.refusing import INVALID, refused
from tests.marketplace.people import Browser, expire_now
from tests.marketplace.qualification_tests import ask

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

Enrol = Callable[[str], Browser]


def walk(list_page: Callable[..., Any], name: str, size: int, **given: Any) -> list[Any]:
    """All rows, page by page, with what must hold of every page."""
    rows: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = list_page(**given, **token, MaxResults=size)
        assert page["NumResults"] == len(page[name]) <= size
        if not page[name]:
            assert "NextToken" not in page
            return rows
        assert token != {"NextToken": page["NextToken"]}
        rows += page[name]
        token = {"NextToken": page["NextToken"]}


def test_every_list_is_walked_to_its_empty_page(mturk: "MTurkClient", worker: Enrol) -> None:
    people = [worker(f"Worker {number}") for number in range(3)]
    type_id = qualification_type(mturk)
    needed: Any = [{"QualificationTypeId": type_id, "Comparator": "DoesNotExist"}]
    given = hit_input(MaxAssignments=3, QualificationRequirements=needed)
    made = [mturk.create_hit(**given)["HIT"] for _ in range(5)]
    hit, group = made[0], made[0]["HITTypeId"]
    done = [one.work(group, hit["HITId"]) for one in people]
    for one, id in zip(people, done, strict=True):
        mturk.send_bonus(WorkerId=one.worker_id, BonusAmount="0.01", AssignmentId=id, Reason="good")
        mturk.create_worker_block(WorkerId=one.worker_id, Reason="x")
        ask(one, type_id)
    expire_now(mturk, made[1]["HITId"])

    ids = [one["AssignmentId"] for one in walk(mturk.list_assignments_for_hit, "Assignments", 2, HITId=hit["HITId"])]
    assert ids == done
    bonuses = walk(mturk.list_bonus_payments, "BonusPayments", 2, HITId=hit["HITId"])
    assert [one["AssignmentId"] for one in bonuses] == done
    by_one = walk(mturk.list_bonus_payments, "BonusPayments", 1, AssignmentId=done[0])
    assert len(by_one) == 1
    hits = [
        one["HITId"] for one in walk(mturk.list_hits_for_qualification_type, "HITs", 2, QualificationTypeId=type_id)
    ]
    assert sorted(hits) == sorted(one["HITId"] for one in made)
    listed = [one["HITId"] for one in walk(mturk.list_hits, "HITs", 7)]
    assert len(listed) == len(set(listed))
    assert set(hits) <= set(listed)
    reviewable = [one["HITId"] for one in walk(mturk.list_reviewable_hits, "HITs", 1, HITTypeId=group)]
    assert sorted(reviewable) == sorted([made[0]["HITId"], made[1]["HITId"]])
    requests = walk(mturk.list_qualification_requests, "QualificationRequests", 2, QualificationTypeId=type_id)
    assert {one["WorkerId"] for one in requests} == {one.worker_id for one in people}
    for one in requests:
        mturk.accept_qualification_request(QualificationRequestId=one["QualificationRequestId"])
    holders = walk(mturk.list_workers_with_qualification_type, "Qualifications", 2, QualificationTypeId=type_id)
    assert {one["WorkerId"] for one in holders} == {one.worker_id for one in people}
    blocks = walk(mturk.list_worker_blocks, "WorkerBlocks", 2)
    assert {one["WorkerId"] for one in blocks} >= {one.worker_id for one in people}
    types = walk(mturk.list_qualification_types, "QualificationTypes", 3, MustBeRequestable=False)
    assert type_id in {one["QualificationTypeId"] for one in types}


@pytest.mark.parametrize("name", ["list_hits", "list_reviewable_hits", "list_worker_blocks"])
def test_boto3s_paginators_come_to_an_end(name: Any, mturk: "MTurkClient") -> None:
    pages = list(mturk.get_paginator(name).paginate(PaginationConfig={"PageSize": 100}))
    assert pages[-1]["NumResults"] == 0


def test_a_page_has_ten_rows_unless_told_otherwise(mturk: "MTurkClient") -> None:
    given = hit_input(MaxAssignments=1)
    for _ in range(11):
        mturk.create_hit(**given)
    assert mturk.list_hits()["NumResults"] == 10


def test_a_token_of_another_list_is_no_token(mturk: "MTurkClient", post: Post) -> None:
    publish(mturk)
    token = mturk.list_hits(MaxResults=1)["NextToken"]
    hit_id = publish(mturk)["HITId"]
    assert post("ListAssignmentsForHIT", {"HITId": hit_id, "NextToken": token}).type == "ParameterValidationError"


# HIT layouts (mturk-facts §4.6). No operation makes one, so these look at our own marketplace from inside.


def a_layout(database: Database, page: str) -> str:
    """The HITLayoutId of a page with placeholders."""
    with database.transaction() as db:
        return layouts.create(db, FIRST_REQUESTER_ID, "Birds", page, utc_now())


PAGE = (
    '<!doctype html><html><body><form><p>${text}</p><img alt="${alt}" src="x.png"><input name="a"></form></body></html>'
)


@pytest.mark.parametrize("operation", ["CreateHIT", "CreateHITWithHITType"])
def test_a_layout_is_filled_and_named_in_the_hit(
    operation: str, mturk: "MTurkClient", database: Database, post: Post
) -> None:
    layout_id = a_layout(database, PAGE)
    given = hit_input()
    del given["Question"]
    if operation == "CreateHITWithHITType":
        given = {"HITTypeId": mturk.create_hit_type(**type_input())["HITTypeId"], "LifetimeInSeconds": 60}
    values = [{"Name": "text", "Value": "Is it a wren?"}, {"Name": "alt", "Value": "a bird &amp; a tree"}]
    sent = {**given, "HITLayoutId": layout_id, "HITLayoutParameters": values}
    hit = post(operation, sent).document["HIT"]
    assert hit["HITLayoutId"] == layout_id
    assert "<p>Is it a wren?</p>" in hit["Question"]
    missing = post(operation, {**sent, "HITLayoutParameters": values[:1]})
    assert missing.type == "ParameterValidationError"
    assert "alt" in missing.message
    assert post(operation, {**sent, "Question": EXTERNAL}).type == "ParameterValidationError"
    assert post(operation, {**sent, "HITLayoutId": NOWHERE}).status == 400
    crowd = [*values, *({"Name": f"n{n}", "Value": ""} for n in range(24))]
    assert post(operation, {**sent, "HITLayoutParameters": crowd}, about="HITLayoutParameters").status == 400
    assert post(operation, {**sent, "HITLayoutParameters": crowd[:25]}).status == 200


def test_without_a_question_there_is_no_hit(mturk: "MTurkClient") -> None:
    type_id = mturk.create_hit_type(**type_input())["HITTypeId"]
    with refused(INVALID):
        mturk.create_hit_with_hit_type(HITTypeId=type_id, LifetimeInSeconds=60)
