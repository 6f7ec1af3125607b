from sqlalchemy.orm import Session

from app.db.sheets import MOST_PROBLEMS
from tests.cast import Visitor
from tests.factories import make_batch


def test_a_list_of_faults_that_is_cut_says_how_many_more_there_are(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live")
    db.commit()
    rows = "".join(f"3NOBODY{number},x,\n" for number in range(MOST_PROBLEMS + 5))
    answer = rita.client.post(
        f"/batches/{batch.id}/payments/decisions/sheet",
        data={"csrf_token": rita.csrf_token},
        files={"file": ("reviewed.csv", b"AssignmentId,Approve,Reject\n" + rows.encode())},
    )
    assert answer.status_code == 422
    assert answer.text.count('<span class="where">Line') == MOST_PROBLEMS
    assert "… and 5 more of the kind." in answer.text


def test_a_list_that_is_whole_says_nothing_of_more(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live")
    db.commit()
    fields = {"csrf_token": rita.csrf_token}
    answer = rita.client.post(f"/batches/{batch.id}/payments/decisions/sheet", data=fields)
    assert (answer.status_code, "more of the kind" in answer.text) == (422, False)
