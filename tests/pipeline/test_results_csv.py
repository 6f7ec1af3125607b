import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.ledger import locked_batch
from app.domain.review_policy import ReviewRule
from app.domain.vocabulary import BatchId
from app.errors import InvalidInput
from app.jobs import stages
from app.pipeline import results_csv
from app.pipeline.results_csv import SheetDecisions
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker
from tests.pipeline.conftest import House
from tests.pipeline.test_bonuses import committed, paid

FIVE = {"Ada": "given", "Bea": "both", "Cyd": "cannot_tell", "Bob": "guessed", "Mallory": "neither"}
# Of Batch_2674254_batch_results.csv and every other results file that MTurk's console ever wrote.
MTURK = [
    "HITId", "HITTypeId", "Title", "Description", "Keywords", "Reward", "CreationTime", "MaxAssignments",
    "RequesterAnnotation", "AssignmentDurationInSeconds", "AutoApprovalDelayInSeconds", "Expiration",
    "NumberOfSimilarHITs", "LifetimeInSeconds", "AssignmentId", "WorkerId", "AssignmentStatus", "AcceptTime",
    "SubmitTime", "AutoApprovalTime", "ApprovalTime", "RejectionTime", "RequesterFeedback", "WorkTimeInSeconds",
    "LifetimeApprovalRate", "Last30DaysApprovalRate", "Last7DaysApprovalRate",
]  # fmt: skip


def submitted(house: House, rows: int = 1, **settings: object) -> BatchId:
    """A Batch whose five Assignments a HIT wait for a person."""
    batch_id = house.live(rows=rows, review=ReviewRule.parse("hold"), **settings)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    return batch_id


def exported(house: House, batch_id: BatchId, *, worker_ids: bool = False) -> bytes:
    with house.database.transaction() as db:
        return b"".join(results_csv.results_csv(db, batch_id, worker_ids=worker_ids))


def lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def in_a_spreadsheet(content: bytes, decisions: dict[int, tuple[str, str]]) -> bytes:
    """As a spreadsheet saves it: a mark at the start, CRLF, quotes only where needed. decisions: row → Approve, Reject."""
    rows = lines(content)
    for at, (approve, reject) in decisions.items():
        rows[at]["Approve"], rows[at]["Reject"] = approve, reject
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def sent_back(house: House, batch_id: BatchId, content: bytes, *, skip_faulty: bool = False) -> SheetDecisions:
    now = datetime.now(UTC)
    with house.database.transaction() as db:
        sheet = results_csv.read_decisions(db, batch_id, content, now=now)
        results_csv.decide(db, batch_id, sheet, by="rita", now=now, skip_faulty=skip_faulty)
    for _ in range(2):
        stages.run_review(house.runtime, batch_id)
    return sheet


def statuses(house: House) -> list[str]:
    return [row.status for row in house.rows("SELECT status FROM assignments ORDER BY hit_id, id")]


def test_the_header_is_mturks_and_the_lines_say_what_was_shown_and_answered(house: House) -> None:
    batch_id = submitted(house)
    content = exported(house, batch_id)
    header = content.decode().splitlines()[0].replace('"', "").split(",")
    assert header[: len(MTURK)] == MTURK
    assert header[-2:] == ["Approve", "Reject"]
    first, *_, last = rows = lines(content)
    assert (len(rows), first["AssignmentStatus"], first["Reward"]) == (5, "Submitted", "$0.05")
    assert (first["Input.id"], first["Input.media"]) == ("item-0", "example 0")
    assert [row["Answer.response"] for row in rows] == list(FIVE.values())
    assert rows[2]["Answer.comment"] == "broken"
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC 20\d\d", first["SubmitTime"])
    assert (first["LifetimeApprovalRate"], last["Approve"], last["Reject"]) == ("0% (0/0)", "", "")
    # Every value stands in quotes, as in theirs.
    assert content.decode().splitlines()[1].startswith('"3')


def test_workers_are_pseudonyms_unless_their_ids_are_asked_for(house: House) -> None:
    batch_id = submitted(house)
    ids = {browser.worker_id for browser in house.browsers.values()}
    assert all(row["WorkerId"].startswith("W-") for row in lines(exported(house, batch_id)))
    assert {row["WorkerId"] for row in lines(exported(house, batch_id, worker_ids=True))} == ids


def test_hits_of_several_items_have_their_columns_by_position(house: House) -> None:
    batch_id = submitted(house, rows=2, items_per_hit=2)
    first, *_ = lines(exported(house, batch_id))
    assert {first["Input.id_1"], first["Input.id_2"]} == {"item-0", "item-1"}
    assert first["Answer.response_2"] == "given"


def test_a_sheet_that_went_through_a_spreadsheet_decides_and_pays(house: House) -> None:
    batch_id = submitted(house)
    reason = 'Always the first answer,\nalso where it says "both".'
    decisions = {0: ("x", ""), 1: ("X", ""), 2: ("x", ""), 4: ("", reason)}
    sheet = sent_back(house, batch_id, in_a_spreadsheet(exported(house, batch_id), decisions))
    assert (len(sheet.decided), sheet.known, sheet.faults.total) == (4, [], 0)
    assert statuses(house) == ["approved", "approved", "approved", "submitted", "rejected"]
    assert paid(house) == Decimal("0.18")
    rows = lines(exported(house, batch_id))
    assert rows[4]["RequesterFeedback"] == reason
    assert (rows[4]["RejectionTime"] != "", rows[4]["ApprovalTime"]) == (True, "")
    assert rows[0]["LifetimeApprovalRate"] == "100% (1/1)"
    told = house.marketplace.client.get_assignment(AssignmentId=rows[4]["AssignmentId"])["Assignment"]
    assert (told["AssignmentStatus"], told["RequesterFeedback"]) == ("Rejected", reason)


def test_the_same_sheet_again_changes_nothing_and_says_so_by_line(house: House) -> None:
    batch_id = submitted(house)
    content = in_a_spreadsheet(exported(house, batch_id), {0: ("x", ""), 1: ("", "no")})
    sent_back(house, batch_id, content)
    again = sent_back(house, batch_id, content)
    assert (again.decided, [problem.line for problem in again.known]) == ([], [2, 3])
    assert paid(house) == Decimal("0.06")


def test_an_x_on_rejected_work_takes_the_rejection_back_and_pays_it(house: House) -> None:
    batch_id = submitted(house, repost_limit=0)
    sent_back(house, batch_id, in_a_spreadsheet(exported(house, batch_id), {0: ("", "no")}))
    assert statuses(house)[0] == "rejected"
    before = committed(house, batch_id)
    sent_back(house, batch_id, in_a_spreadsheet(exported(house, batch_id), {0: ("x", "")}))
    assert statuses(house)[0] == "approved"
    assert committed(house, batch_id) == before + Decimal("0.06")
    assert paid(house) == Decimal("0.06")


def test_every_row_that_cannot_be_done_is_named_and_nothing_is_decided(house: House) -> None:
    batch_id = submitted(house)
    sent_back(house, batch_id, in_a_spreadsheet(exported(house, batch_id), {0: ("x", "")}))
    names = [row["AssignmentId"] for row in lines(exported(house, batch_id))]
    rows = [
        f'{names[0]},,"too late"',
        f"{names[1]},x,but also this",
        f"{names[2]},yes,",
        "3NOBODYS,x,",
        f"{names[3]},x,",
        f"{names[3]},,no",
        f"{names[4]},x,",
    ]
    content = ("AssignmentId,Approve,Reject\n" + "\n".join(rows)).encode()
    with pytest.raises(InvalidInput) as refused:
        sent_back(house, batch_id, content)
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4, 5, 7]
    said = str(refused.value)
    for part in (
        "was approved already",
        "both Approve and Reject",
        "is not x",
        "is not of Batch",
        "same Assignment as line 6",
    ):
        assert part in said
    assert statuses(house).count("submitted") == 4
    sent_back(house, batch_id, content, skip_faulty=True)
    assert statuses(house) == ["approved", "submitted", "submitted", "approved", "approved"]


def test_a_file_without_the_columns_is_no_results_sheet(house: House) -> None:
    batch_id = house.draft(rows=1)
    with house.database.transaction() as db, pytest.raises(InvalidInput, match="Approve: the column is missing"):
        results_csv.read_decisions(db, batch_id, b"AssignmentId,Reject\n", now=datetime.now(UTC))


def test_a_sheet_is_read_with_its_batch_locked_first_so_that_nobody_waits_in_a_circle(database: Database) -> None:
    with database.transaction() as db:
        batch = make_batch(db, status="live")
        make_assignment(
            db, make_hit(db, batch, make_item(db, batch)), make_worker(db), marketplace_assignment_id="3ADA"
        )
        batch_id = BatchId(batch.id)
    with database.transaction() as runner, Session(database.engine) as rita:
        locked_batch(runner, batch_id)  # it is about to lock the Assignments, too
        rita.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            results_csv.read_decisions(rita, batch_id, b"AssignmentId,Approve,Reject\n3ADA,x,\n", now=datetime.now(UTC))
        runner.execute(text("SELECT 1 FROM assignments FOR UPDATE NOWAIT"))
