"""The worker site's pages as a Worker's eyes and browser find them: lists of work, forms, the frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urljoin, urlsplit

from app.marketplace.crowd.errors import PageNotUnderstood
from app.marketplace.crowd.markup import Document, Element, parse, parse_once


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the page: where it goes and the values that are filled in already."""

    action: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """A HIT group in the list of work."""

    group_id: str
    preview_url: str
    accept: Form


@dataclass(frozen=True, slots=True)
class Task:
    """An accepted HIT: its page's parts."""

    url: str
    assignment_id: str
    hit_id: str
    frame_url: str
    submit_url: str
    go_on: Form
    give_back: Form


@dataclass(frozen=True, slots=True)
class Page:
    """What came for a request, after redirects."""

    url: str
    status: int
    html: str = field(repr=False)
    document: Document = field(repr=False)
    leads_to: str = ""
    took_s: float = 0.0

    @classmethod
    def of(
        cls, url: str, status: int, html: str, *, leads_to: str = "", took_s: float = 0.0, seen_by_many: bool = False
    ) -> "Page":
        """Read the HTML. `leads_to`: the address of another site, if this is a redirect to one."""
        document = parse_once(html) if seen_by_many else parse(html)
        return cls(url, status, html, document, leads_to, took_s)

    @property
    def root(self) -> Element:
        """The page's tree."""
        return self.document.root

    def find(self, id: str) -> Element | None:
        """The element with this id."""
        return self.document.by_id.get(id)

    @property
    def refusal(self) -> str:
        """Why the site said no, as a Worker reads it; empty when it did not."""
        said = self.find("refusal")
        return said.text() if said else f"HTTP {self.status}" if self.status >= 400 else ""  # noqa: PLR2004 - client and server errors


def form(page: Page, form_id: str) -> Form | None:
    """The form with this id."""
    element = page.find(form_id)
    return _form(page, element) if element and element.tag == "form" else None


def needed_form(page: Page, form_id: str) -> Form:
    """The form with this id. Raises PageNotUnderstood when there is none."""
    found = form(page, form_id)
    if found is None:
        raise PageNotUnderstood(page.url, page.refusal or f"it has no form with the id {form_id}")
    return found


def groups(page: Page) -> list[Group]:
    """The HIT groups of the list that this Worker can accept from, in the order shown."""
    found = []
    for row in page.root.all():
        link, accept = row.first("a"), row.first("form")
        if row.get("data-group-id") and link and accept:
            found.append(Group(row.get("data-group-id"), urljoin(page.url, link.get("href")), _form(page, accept)))
    return found


def held(page: Page) -> list[str]:
    """The addresses of the Assignments that the list of work shows as accepted."""
    return [link for link in links(page) if urlsplit(link).path.startswith("/assignments/")]


def links(page: Page) -> list[str]:
    """Where the page's links lead, each address once."""
    return list(dict.fromkeys(urljoin(page.url, link.get("href")) for link in page.root.all("a")))


def task(page: Page) -> Task | None:
    """The accepted HIT that this page shows; None for every other page."""
    head, frame = page.find("assignment"), page.find("question-frame")
    if head is None or frame is None or frame.tag != "iframe":
        return None
    frame_url = urljoin(page.url, frame.get("src"))
    query = {name: values[-1] for name, values in parse_qs(urlsplit(frame_url).query).items()}
    missing = [name for name in ("assignmentId", "hitId", "turkSubmitTo") if not query.get(name)]
    if missing:
        raise PageNotUnderstood(page.url, f"its frame's address lacks {', '.join(missing)}")
    return Task(
        url=page.url,
        assignment_id=query["assignmentId"],
        hit_id=query["hitId"],
        frame_url=frame_url,
        submit_url=urljoin(page.url, query["turkSubmitTo"].rstrip("/") + "/mturk/externalSubmit"),
        go_on=needed_form(page, "next-form"),
        give_back=needed_form(page, "return-form"),
    )


def accepts_next(page: Page) -> bool:
    """Whether a submission here leads straight to the next HIT of the group."""
    box = page.root.first("input", name="accept_next")
    return box is not None and "checked" in box.attributes


def fate(page: Page) -> str:
    """MTurk's word for what became of a finished Assignment; empty while it is not finished."""
    said = page.find("assignment-status")
    return said.get("data-status") if said else ""


def _form(page: Page, element: Element) -> Form:
    hidden = {field.get("name"): field.get("value") for field in element.all("input", type="hidden")}
    return Form(urljoin(page.url, element.get("action") or page.url), hidden)
