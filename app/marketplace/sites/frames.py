"""How a question stands in its frame: the source and the parameters of MTurk's contract."""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from app.marketplace import questions
from app.marketplace.questions import ExternalQuestion, HTMLQuestion
from app.marketplace.store import HIT

PREVIEW_ID = "ASSIGNMENT_ID_NOT_AVAILABLE"
# No allow-same-origin: a Requester's page must not reach the worker site's cookies or pages.
# With allow-modals, since old pages ask "Are you sure?": without it confirm() says no, and nothing is ever submitted.
# What a question opens in a window of its own is an ordinary page of somebody else, which may need its own cookies.
SANDBOX = "allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox"


@dataclass(frozen=True, slots=True)
class Frame:
    """An iframe's attributes. Height 0 means: as high as the window allows."""

    src: str
    height: int
    sandbox: str


def frame(hit: HIT, submit_to: str, *, assignment_id: str = PREVIEW_ID, worker_id: str | None = None) -> Frame:
    """The frame of a HIT, for one Assignment or as a preview."""
    parameters = {"assignmentId": assignment_id, "hitId": hit.id}
    if worker_id is not None:
        parameters["workerId"] = worker_id
    parameters["turkSubmitTo"] = submit_to
    question = questions.read(hit.question)
    if isinstance(question, ExternalQuestion):
        src = _joined(question.url, urlencode(parameters))
        return Frame(src, question.frame_height, _sandbox(question.url, submit_to))
    height = question.frame_height if isinstance(question, HTMLQuestion) else 0
    return Frame(f"/frame/{hit.id}?{urlencode(parameters)}", height, SANDBOX)


def _joined(url: str, query: str) -> str:
    parts = urlsplit(url)
    return parts._replace(query=f"{parts.query}&{query}" if parts.query else query).geturl()


def _sandbox(url: str, own_url: str) -> str:
    """A foreign page may keep its own origin, and with it its cookies; one on our own address may not."""
    theirs, ours = urlsplit(url), urlsplit(own_url)
    return SANDBOX if theirs.hostname == ours.hostname else f"{SANDBOX} allow-same-origin"
