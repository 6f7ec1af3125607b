import re

import pytest
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session

from app.web.application import PARTS
from app.web.dependencies import OUR_FORM
from tests.cast import Visitor
from tests.factories import make_batch


@pytest.mark.parametrize("token", ["", "x" * 43, "é", None])
def test_a_form_without_the_logins_own_token_changes_nothing(rita: Visitor, db: Session, token: str | None) -> None:
    batch_id = make_batch(db, status="live").id
    db.commit()
    answer = rita.client.post(f"/batches/{batch_id}/pause", data={} if token is None else {"csrf_token": token})
    assert (answer.status_code, "reload the page" in answer.text) == (403, True)
    assert "pill-live" in rita.client.get(f"/batches/{batch_id}").text


def test_anothers_token_is_refused(rita: Visitor, victor: Visitor) -> None:
    assert rita.client.post("/sign-out", data={"csrf_token": victor.csrf_token}).status_code == 403


def test_a_form_from_another_site_is_refused_even_with_the_token(rita: Visitor) -> None:
    form = {"csrf_token": rita.csrf_token}
    answer = rita.client.post("/sign-out", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_every_form_carries_the_token(rita: Visitor, db: Session) -> None:
    batch_id = make_batch(db, item_count=1).id
    db.commit()
    for path in ("/account", "/batches/new", f"/batches/{batch_id}"):
        for form in re.findall(r"<form.*?</form>", rita.client.get(path).text, re.DOTALL):
            assert f'name="csrf_token" value="{rita.csrf_token}"' in form


def test_every_route_that_changes_something_checks_the_form() -> None:
    routes = [route for part in PARTS for route in part.router.routes if isinstance(route, APIRoute)]
    changing = [route for route in routes if not (route.methods or set()) <= {"GET", "HEAD"}]
    assert len(changing) > 8
    assert [route.path for route in changing if OUR_FORM not in route.dependencies] == ["/sign-in"]
