import re

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.tables import Batch
from tests.cast import Visitor
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker

SHEET = b"AssignmentId,BonusAmount,Reason\n3ADA,0.50,<b>good</b>\n3NOBODY,1,x\n"


def made(db: Session, **columns: object) -> Batch:
    batch = make_batch(db, **{"status": "live"} | columns)
    hit = make_hit(db, batch, make_item(db, batch))
    make_assignment(db, hit, make_worker(db), marketplace_assignment_id="3ADA", status="approved")
    db.commit()
    return batch


def look(visitor: Visitor, batch: Batch, content: bytes = SHEET) -> str:
    answer = visitor.client.post(
        f"/batches/{batch.id}/payments/sheet",
        data={"csrf_token": visitor.csrf_token},
        files={"file": ("bonuses.csv", content)},
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def hidden(page: str) -> dict[str, str]:
    """The fields that the page carries from the look to the payment."""
    form = page.split("/payments/bonuses/sheet", 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def bonuses(db: Session) -> int:
    return int(db.execute(text("SELECT count(*) FROM operations WHERE kind = 'bonus'")).scalar_one())


def test_a_sheet_is_shown_with_its_cost_and_faults_and_paid_without_them(rita: Visitor, db: Session) -> None:
    batch = made(db)
    page = look(rita, batch)
    assert ("1 fault." in page, "3NOBODY" in page) == (True, True)
    assert "Pay $0.60 without the faulty rows" in page
    assert bonuses(db) == 0
    paid = rita.client.post(f"/batches/{batch.id}/payments/bonuses/sheet", data=hidden(page))
    assert (paid.status_code, paid.headers["location"]) == (303, f"/batches/{batch.id}/payments")
    shown = rita.client.get(f"/batches/{batch.id}/payments").text
    assert "&lt;b&gt;good&lt;/b&gt;" in shown
    assert "on its way" in shown
    assert "Nothing of it is left to pay" in look(rita, batch, SHEET.replace(b"3NOBODY,1,x\n", b""))


def test_what_is_paid_is_what_was_shown(rita: Visitor, db: Session) -> None:
    batch = made(db)
    fields = hidden(look(rita, batch)) | {"confirmed_usd": "0.50"}
    answer = rita.client.post(f"/batches/{batch.id}/payments/bonuses/sheet", data=fields)
    assert (answer.status_code, "$0.50 were confirmed" in answer.text) == (409, True)
    damaged = fields | {"packed": "no base64!"}
    assert rita.client.post(f"/batches/{batch.id}/payments/bonuses/sheet", data=damaged).status_code == 422
    assert bonuses(db) == 0


def test_a_large_sheet_travels_from_the_look_to_the_payment(rita: Visitor, db: Session) -> None:
    # More than a form may otherwise have, and less than the upload limit of these tests.
    content = b"AssignmentId,BonusAmount,Reason\n3ADA,0.50,good\n" + b"".join(
        b"3NOBODY%d,0.10,for nothing\n" % number for number in range(30_000)
    )
    batch = made(db)
    fields = hidden(look(rita, batch, content))
    assert rita.client.post(f"/batches/{batch.id}/payments/bonuses/sheet", data=fields).status_code == 303
    assert bonuses(db) == 1


def test_one_bonus_is_paid_and_cancelled_by_its_button(rita: Visitor, db: Session) -> None:
    batch = made(db)
    form = {"csrf_token": rita.csrf_token, "assignment_id": "3ADA", "amount_usd": "0.20", "reason": "Thanks"}
    assert rita.client.post(f"/batches/{batch.id}/payments/bonuses", data=form).status_code == 303
    page = rita.client.get(f"/batches/{batch.id}/payments").text
    (cancel,) = re.findall(r'action="(/batches/\d+/payments/bonuses/\d+/cancel)"', page)
    assert rita.client.post(cancel, data={"csrf_token": rita.csrf_token}).status_code == 303
    assert "cancelled" in rita.client.get(f"/batches/{batch.id}/payments").text


def test_a_compensation_is_offered_from_the_page(rita: Visitor, db: Session) -> None:
    batch = made(db)
    form = {"csrf_token": rita.csrf_token, "worker": "A2DORA12", "amount_usd": "0.80", "reason": "Lost page"}
    assert rita.client.post(f"/batches/{batch.id}/payments/compensations", data=form).status_code == 303
    page = rita.client.get(f"/batches/{batch.id}/payments").text
    assert ("Lost page" in page, "planned" in page, "A2DORA12" in page) == (True, True, False)


def test_real_money_asks_for_the_amount(rita: Visitor, db: Session) -> None:
    page = look(rita, made(db, profile="production"))
    assert "Type the amount to confirm" in page
    assert "confirmed_usd" not in hidden(page)


@pytest.mark.parametrize("where", ["sheet", "bonuses", "compensations", "top-up", "decisions/sheet"])
def test_who_may_only_look_sees_no_forms_and_pays_nothing(victor: Visitor, db: Session, where: str) -> None:
    batch = made(db)
    page = victor.client.get(f"/batches/{batch.id}/payments")
    assert (page.status_code, "<form" in page.text) == (200, False)
    form = {"csrf_token": victor.csrf_token}
    assert victor.client.post(f"/batches/{batch.id}/payments/{where}", data=form).status_code == 403


def test_every_form_needs_its_token_and_a_file(rita: Visitor, db: Session) -> None:
    batch = made(db)
    assert rita.client.post(f"/batches/{batch.id}/payments/bonuses", data={"csrf_token": ""}).status_code == 403
    for where in ("sheet", "decisions/sheet"):
        answer = rita.client.post(f"/batches/{batch.id}/payments/{where}", data={"csrf_token": rita.csrf_token})
        assert (answer.status_code, "choose the" in answer.text) == (422, True)


def test_a_reviewed_sheet_that_cannot_be_done_says_which_line(rita: Visitor, db: Session) -> None:
    batch = made(db)
    content = b"AssignmentId,Approve,Reject\n3ADA,,too late\n"
    answer = rita.client.post(
        f"/batches/{batch.id}/payments/decisions/sheet",
        data={"csrf_token": rita.csrf_token},
        files={"file": ("r.csv", content)},
    )
    assert answer.status_code == 422
    assert ("Line 2" in answer.text, "was approved already" in answer.text) == (True, True)
