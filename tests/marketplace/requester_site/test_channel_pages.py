"""Rita opens doors for people and sees who came."""

from collections.abc import Callable
from html import unescape
from typing import TYPE_CHECKING

import httpx2

from tests.marketplace.people import publish
from tests.marketplace.requester_site.conftest import Office, between

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def test_a_prolific_channel_shows_the_link_to_paste(rita: Office, mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    assert "people read it above the work" in rita.get("channels")
    shown = rita.post(
        "channels",
        name="Pilot <b>",
        kind="prolific",
        hit_type_id=hit["HITTypeId"],
        assignments="5",
        people="20",
        days="3",
        completion_code="C0DE-4-TEA",
    )
    link = unescape(between(shown, 'id="entry-link"', "</pre>"))
    assert "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}" in link
    assert "Pilot &lt;b&gt;" in shown
    assert "C0DE-4-TEA" in shown


def test_what_does_not_fit_is_said_and_nothing_is_lost(rita: Office) -> None:
    shown = rita.post(
        "channels", status=422, name="Elsewhere", kind="generic", completion_url="javascript:alert(1)", people="7"
    )
    assert 'role="alert"' in shown
    assert 'value="Elsewhere"' in shown
    assert 'value="javascript:alert(1)"' in shown
    assert "No channel" in shown or "data-channel" not in shown
    rita.post("channels", status=422, name="x", kind="carrier pigeon")
    rita.post("channels", status=422, name="x", kind="invite", people="-1")
    rita.post("channels", status=422, name="x", kind="invite", hit_type_id="3NOBODYS")


def test_an_invitation_lets_one_person_in_and_shows_in_the_table(
    rita: Office, mturk: "MTurkClient", new_window: Callable[[], httpx2.Client]
) -> None:
    publish(mturk)
    rita.post("channels", name="Friends", kind="invite", single_use="true")
    number = between(rita.get("channels"), 'data-channel="', '"')
    shown = rita.post(f"channels/{number}/invite", notes="Ada <b>\nBob", days="2")
    links = [unescape(part.split("<")[0]) for part in shown.split('<td class="id link">')[1:]]
    assert len(links) == 2
    listed = rita.get(f"channels/{number}")
    assert "Ada &lt;b&gt;" in listed
    assert listed.count("not yet") == 2
    assert all(link not in listed for link in links)
    guest = new_window()
    assert guest.get(links[0]).status_code == 200
    assert guest.post(links[0], data={"name": "Ada"}).status_code == 200
    listed = rita.get(f"channels/{number}")
    assert listed.count("not yet") == 1
    assert "data-visit=" in listed


def test_a_closed_channel_lets_nobody_in(rita: Office, new_window: Callable[[], httpx2.Client]) -> None:
    shown = rita.post("channels", name="Open day", kind="invite")
    link = unescape(between(shown, 'aria-label="The link">', "<"))
    number = between(rita.get("channels"), 'data-channel="', '"')
    assert "nobody new comes in" in rita.post(f"channels/{number}/close")
    assert new_window().get(link).status_code >= 400


def test_a_stranger_finds_no_door(rita: Office, mallory: Office, mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    rita.post("channels", name="Hers alone", kind="invite")
    number = between(rita.get("channels"), 'data-channel="', '"')
    assert "Hers alone" not in mallory.get("channels")
    mallory.get(f"channels/{number}", status=404)
    mallory.post(f"channels/{number}/close", status=404)
    mallory.post(f"channels/{number}/invite", status=404)
    mallory.post("channels", status=422, name="x", kind="invite", hit_type_id=hit["HITTypeId"])
