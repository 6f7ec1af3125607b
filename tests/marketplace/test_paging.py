from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from app.marketplace import paging
from tests.marketplace.people import Browser, expire_now, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def test_every_page_with_rows_has_a_token_and_the_end_is_an_empty_page(mturk: "MTurkClient") -> None:
    made = [publish(mturk)["HITId"] for _ in range(5)]
    pages = [mturk.list_hits(MaxResults=5)]
    assert pages[0]["NumResults"] == 5
    last = mturk.list_hits(MaxResults=5, NextToken=pages[0]["NextToken"])
    assert last["NumResults"] == 0
    assert "NextToken" not in last
    seen = [
        hit["HITId"]
        for page in mturk.get_paginator("list_hits").paginate(PaginationConfig={"PageSize": 2})
        for hit in page["HITs"]
    ]
    assert seen == list(reversed(made))


def test_ten_rows_are_the_default(mturk: "MTurkClient") -> None:
    for _ in range(11):
        publish(mturk)
    assert mturk.list_hits()["NumResults"] == 10


def test_rows_that_arrive_while_paging_neither_repeat_nor_hide_others(mturk: "MTurkClient") -> None:
    made = {publish(mturk)["HITId"] for _ in range(4)}
    first = mturk.list_hits(MaxResults=2)
    publish(mturk)
    expire_now(mturk, first["HITs"][0]["HITId"])
    mturk.delete_hit(HITId=first["HITs"][0]["HITId"])
    rest = mturk.list_hits(MaxResults=10, NextToken=first["NextToken"])
    assert {hit["HITId"] for hit in [*first["HITs"], *rest["HITs"]]} == made


def test_assignments_are_paged_oldest_first_and_filtered_by_status(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, MaxAssignments=9)
    made = [worker(f"Worker {number}").work(hit["HITTypeId"], answer=str(number)) for number in range(5)]
    mturk.approve_assignment(AssignmentId=made[1])
    paginator = mturk.get_paginator("list_assignments_for_hit")
    pages = list(paginator.paginate(HITId=hit["HITId"], PaginationConfig={"PageSize": 2}))
    assert [len(page["Assignments"]) for page in pages] == [2, 2, 1, 0]
    assert [one["AssignmentId"] for page in pages for one in page["Assignments"]] == made
    undecided = mturk.list_assignments_for_hit(HITId=hit["HITId"], AssignmentStatuses=["Submitted"])
    assert [one["AssignmentId"] for one in undecided["Assignments"]] == [made[0], *made[2:]]


@pytest.mark.parametrize("token", ["nonsense", "WzFd!", "WyJhIl0", "W10", "eyJhIjoxfQ", "WzFlOTld"])
def test_a_token_that_is_none_of_ours_is_refused(mturk: "MTurkClient", token: str) -> None:
    with pytest.raises(ClientError, match="NextToken"):
        mturk.list_hits(NextToken=token)


@pytest.mark.parametrize("id", ["a\0b", "\ud800", "ü"])
def test_a_token_with_what_no_id_can_hold_is_refused_before_the_database_sees_it(mturk: "MTurkClient", id: str) -> None:
    with pytest.raises(ClientError, match="NextToken") as refused:
        mturk.list_worker_blocks(NextToken=paging.token([id]))
    assert refused.value.response["Error"]["Code"] == "ParameterValidationError"
    hit_id = publish(mturk)["HITId"]
    with pytest.raises(ClientError, match="NextToken"):
        mturk.list_assignments_for_hit(HITId=hit_id, NextToken=paging.token([datetime.now(UTC), id]))
