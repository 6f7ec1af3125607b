"""Qualification Types that Rita makes on her pages."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.marketplace.people import Browser
from tests.marketplace.requester_site.conftest import Office, between

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def test_a_type_is_made_asked_for_and_unknown_to_another_requester(
    rita: Office, mallory: Office, mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    shown = rita.post(
        "qualification-types", name=" Bird  <b> ", description="Knows\r\nbirds", keywords="song", again_hours="2"
    )
    assert "The Qualification type is made" in shown
    (made,) = mturk.list_qualification_types(MustBeRequestable=False, MustBeOwnedByCaller=True)["QualificationTypes"]
    assert (made["Name"], made["Description"], made["Keywords"]) == ("Bird <b>", "Knows\nbirds", "song")
    assert (made["RetryDelayInSeconds"], made["AutoGranted"]) == (7200, False)
    page = f"qualification-types/{made['QualificationTypeId']}"
    ada = worker("Ada")
    ada.post(f"/worker/{page.replace('-types', 's')}/request")
    assert ada.worker_id in rita.get(page)
    mallory.get(page, status=404)


def test_a_type_may_grant_itself(rita: Office, mturk: "MTurkClient") -> None:
    rita.post("qualification-types", name="Took part", description="Once", auto_granted="true")
    (made,) = mturk.list_qualification_types(MustBeRequestable=True, MustBeOwnedByCaller=True)["QualificationTypes"]
    assert (made["AutoGranted"], made["AutoGrantedValue"]) == (True, 1)
    assert "RetryDelayInSeconds" not in made


def test_what_is_wrong_is_told_and_the_form_keeps_what_was_typed(rita: Office) -> None:
    rita.post("qualification-types", name="Birds", description="d")
    for fields in ({"name": "birds", "description": ""}, {"name": "Birds", "description": "<again>"}):
        shown = rita.post("qualification-types", form=fields, status=422)
        assert 'id="problem"' in shown
        assert between(shown, 'name="name" required maxlength="200" value="', '"') == fields["name"]
    assert "already created a QualificationType with this name" in between(shown, 'id="problem">', "</p>")
    assert "&lt;again&gt;" in shown
