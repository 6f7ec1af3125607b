"""A Worker with a browser, and the HITs that Rita publishes."""

import re
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx2
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient
    from mypy_boto3_mturk.type_defs import HITTypeDef

PAGE = """<!doctype html><html><body><form method="post"><input name="choice" value="A"></form></body></html>"""
NAMESPACE = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd"

# Everything here is http. Without a context of their own, clients read all of the machine's certificates: 30 ms each.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def html_question(page: str = PAGE, height: int = 600) -> str:
    """An HTMLQuestion in its envelope."""
    content = page.replace("]]>", "]]]]><![CDATA[>")
    return (
        f'<HTMLQuestion xmlns="{NAMESPACE}"><HTMLContent><![CDATA[{content}]]></HTMLContent>'
        f"<FrameHeight>{height}</FrameHeight></HTMLQuestion>"
    )


def hit_values(**changed: Any) -> dict[str, Any]:
    """The input of CreateHIT for an ordinary HIT."""
    return {
        "Title": "Which label fits?",
        "Description": "Look at an example and choose",
        "Reward": "0.05",
        "AssignmentDurationInSeconds": 600,
        "LifetimeInSeconds": 3600,
        "MaxAssignments": 5,
        "Question": html_question(),
        **changed,
    }


def publish(mturk: "MTurkClient", **changed: Any) -> "HITTypeDef":
    """Create an ordinary HIT."""
    return mturk.create_hit(**hit_values(**changed))["HIT"]


def expire_now(mturk: "MTurkClient", hit_id: str) -> None:
    """End the HIT's lifetime as scripts do it: with the number 0, which boto3 sends and its type stubs do not know."""
    mturk.update_expiration_for_hit(HITId=hit_id, ExpireAt=0)  # type: ignore[arg-type] # see above


def turk_code(refused: ClientError) -> str:
    """The TurkErrorCode, which stands beside the error in boto3's reply."""
    return str(dict(refused.response)["TurkErrorCode"])


class Browser:
    """A Worker who uses the pages as a browser without JavaScript does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, follow_redirects=True, timeout=120, verify=_NO_TLS)
        self.worker_id = ""
        self.phrase = ""
        self.csrf = ""

    def close(self) -> None:
        self.http.close()

    def enrol(self, name: str) -> None:
        """Enrol and keep what the page shows."""
        shown = self.http.post("/worker/enrol", data={"name": name})
        assert shown.status_code == 200, shown.text
        self.worker_id = _between(shown.text, 'id="worker-id">', "<")
        self.phrase = _between(shown.text, 'id="secret-phrase">', "<")
        self.csrf = _between(shown.text, 'name="csrf" value="', '"')

    def post(self, path: str, **fields: str) -> httpx2.Response:
        """Send one of the site's own forms."""
        return self.http.post(path, data={"csrf": self.csrf, **fields})

    def accept(self, hit_type_id: str, hit_id: str | None = None) -> str:
        """Accept a HIT; the AssignmentId."""
        tail = "accept_random" if hit_id is None else f"{hit_id}/accept"
        shown = self.post(f"/projects/{hit_type_id}/tasks/{tail}")
        assert shown.status_code == 200, shown.text
        return assignment_id_of(str(shown.url))

    def submit(self, assignment_id: str, **answers: str) -> httpx2.Response:
        """Submit as the sandboxed frame does: without a cookie."""
        fields = {"assignmentId": assignment_id, **(answers or {"choice": "A"})}
        with httpx2.Client(timeout=120, verify=_NO_TLS) as frame:
            return frame.post(urljoin(self.url, "/mturk/externalSubmit"), data=fields)

    def work(self, hit_type_id: str, hit_id: str | None = None, **answers: str) -> str:
        """Accept and submit; the AssignmentId."""
        assignment_id = self.accept(hit_type_id, hit_id)
        shown = self.submit(assignment_id, **answers)
        assert shown.status_code == 200, shown.text
        return assignment_id


def assignment_id_of(url: str) -> str:
    """The AssignmentId in the address of an Assignment's page."""
    found = re.search(r"/assignments/(3[A-Z0-9]{29})$", url)
    assert found, url
    return found[1]


def _between(text: str, before: str, after: str) -> str:
    assert before in text, text
    return text.split(before, 1)[1].split(after, 1)[0]
