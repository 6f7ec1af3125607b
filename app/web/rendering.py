"""Templates → pages. Templates format, they do not decide; everything is escaped."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.access.logins import SignedIn
from app.access.permissions import Permission
from app.domain.vocabulary import BatchStatus, Category
from app.settings import MarketplaceProfile, Settings

TEMPLATES = Path(__file__).parent / "templates"

# What the study's words mean, for people who meet them for the first time.
CATEGORY_MEANING = {
    Category.NON_ERROR: "the given label is right",
    Category.CORRECTABLE: "the guessed label is right",
    Category.MULTI_LABEL: "both labels are right",
    Category.NEITHER: "neither label is right",
    Category.NON_AGREEMENT: "no answer reached the quorum",
}


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The page `name`.html with `values`, and what every page shows: who is signed in and where HITs go."""
    text = _environment().get_template(f"{name}.html").render(_common(request) | values)
    return HTMLResponse(text, status_code=status)


def fragment(request: Request, name: str, block: str, **values: Any) -> HTMLResponse:
    """One block of the page `name`.html, for htmx to swap in."""
    template = _environment().get_template(f"{name}.html")
    context = template.new_context(_common(request) | values)
    return HTMLResponse("".join(template.blocks[block](context)))


def _common(request: Request) -> dict[str, Any]:
    settings: Settings = request.app.state.settings
    signed_in: SignedIn | None = getattr(request.state, "signed_in", None)
    caller = signed_in.caller if signed_in else None
    return {
        "path": request.url.path,
        "caller": caller,
        "csrf_token": signed_in.csrf_token if signed_in else "",
        "open_alerts": getattr(request.state, "open_alerts", 0),
        "may_spend": caller is not None and caller.may(Permission.SPEND),
        "may_see_worker_ids": caller is not None and caller.may(Permission.SEE_WORKER_IDS),
        # Pages about a Batch show its own profile, whatever new Batches get.
        "profile": getattr(request.state, "profile", settings.marketplace_profile),
        "profile_of_installation": settings.marketplace_profile,
        "marketplace_url": settings.marketplace_url,
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"usd": usd, "share": share, "at": at, "number": number, "seconds": seconds}
    environment.globals |= {
        "Category": Category,
        "BatchStatus": BatchStatus,
        "MarketplaceProfile": MarketplaceProfile,
        "category_meaning": CATEGORY_MEANING,
    }
    return environment


def usd(amount: Decimal | None) -> str:
    """`$1,234.50`; a dash for none."""
    return "–" if amount is None else f"${amount:,.2f}"


def share(value: float | None) -> str:
    """`97 %`; a dash for none."""
    return "–" if value is None else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def number(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def seconds(milliseconds: int | None) -> str:
    """`4.2 s`; a dash for none."""
    return "–" if milliseconds is None else f"{milliseconds / 1000:.1f}\N{NO-BREAK SPACE}s"


def at(moment: datetime | None) -> str:
    """`23 Nov 2026, 12:00 UTC`; a dash for none."""
    return "–" if moment is None else moment.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")
