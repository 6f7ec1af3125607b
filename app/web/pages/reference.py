"""The REST API's reference, drawn from its OpenAPI document."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.rendering import page

router = APIRouter()


@router.get("/api/docs")
def show_reference(request: Request) -> Response:
    """Every operation with its parameters and an example. Needs no sign-in: it tells nothing of anybody's data."""
    document: dict[str, Any] = request.app.state.openapi()
    return page(request, "reference", document=document, tags=_by_tag(document))


def _by_tag(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The document's tags, each with its operations in the order of the document."""
    operations = [
        {"method": method.upper(), "path": f"/api{path}", **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        {**tag, "operations": [operation for operation in operations if tag["name"] in operation["tags"]]}
        for tag in document["tags"]
    ]
