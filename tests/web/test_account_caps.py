import re

from sqlalchemy.orm import Session

from app.access import accounts
from tests.cast import RITA, VICTOR, Visitor


def caps(db: Session) -> dict[str, str | None]:
    db.rollback()
    return {one.email: None if one.cap_usd is None else str(one.cap_usd) for one in accounts.spending(db)}


def test_an_owner_sets_and_takes_back_an_accounts_cap(rita: Visitor, victor: Visitor, db: Session) -> None:
    form = {"csrf_token": rita.csrf_token, "email": VICTOR}
    assert rita.client.post("/account/caps", data=form | {"cap_usd": "$1,250.50"}).status_code == 303
    assert caps(db) == {RITA: None, VICTOR: "1250.50"}
    assert "$1,250.50" in rita.client.get("/account").text
    page = victor.client.get("/account").text
    assert "$1,250.50" in page
    assert RITA not in page
    assert not re.search(r'action="/account/caps"', page)
    assert rita.client.post("/account/caps", data=form | {"cap_usd": " "}).status_code == 303
    assert caps(db) == {RITA: None, VICTOR: None}


def test_nobody_else_may_and_nothing_else_is_an_amount(rita: Visitor, victor: Visitor, db: Session) -> None:
    theirs = {"csrf_token": victor.csrf_token, "email": VICTOR, "cap_usd": "9"}
    assert victor.client.post("/account/caps", data=theirs).status_code == 403
    ours = {"csrf_token": rita.csrf_token, "email": VICTOR}
    assert rita.client.post("/account/caps", data=ours | {"cap_usd": "much"}).status_code == 422
    assert rita.client.post("/account/caps", data=ours | {"cap_usd": "-1"}).status_code == 422
    assert rita.client.post("/account/caps", data={"email": VICTOR, "cap_usd": "9"}).status_code == 403
    assert caps(db) == {RITA: None, VICTOR: None}
