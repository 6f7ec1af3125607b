"""The REST API's reference, drawn from its OpenAPI document."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.dependencies import Visitor
from app.web.rendering import page

router = APIRouter()

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter or a field of the body. `place`: path, query, form or JSON."""

    name: str
    place: str
    required: bool
    description: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    summary: str
    description: str
    inputs: list[Input]
    answers: list[str]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations of one tag."""

    name: str
    description: str
    operations: list[Operation]


@router.get("/api/docs")
def show_reference(request: Request, visitor: Visitor) -> Response:
    """Every operation with what it takes. Needs no sign-in: it tells nothing of anybody's data."""
    return page(request, "reference", chapters=chapters(request.app.state.openapi()))


def chapters(document: Json) -> list[Chapter]:
    """The document's tags in their order, each with its operations in theirs."""
    operations = [
        (about["tags"], _operation(document, f"/api{path}", method, about))
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]
    return [
        Chapter(tag["name"], tag["description"], [one for tags, one in operations if tag["name"] in tags])
        for tag in document["tags"]
    ]


def _operation(document: Json, path: str, method: str, about: Json) -> Operation:
    parameters = [
        Input(one["name"], one["in"], one["required"], one.get("description", ""), _default(one["schema"]))
        for one in about.get("parameters", [])
    ]
    return Operation(
        method=method.upper(),
        path=path,
        summary=about["summary"],
        description=about.get("description", ""),
        inputs=[*parameters, *_body(document, about)],
        answers=list(about["responses"]),
    )


def _body(document: Json, about: Json) -> Iterator[Input]:
    """The fields of the request body, if there is one."""
    for kind, content in about.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        reference = schema.get("$ref") or next(part["$ref"] for part in schema["anyOf"] if "$ref" in part)
        shape = document["components"]["schemas"][reference.rpartition("/")[2]]
        place = "JSON" if kind == "application/json" else "form"
        for name, field in shape["properties"].items():
            required = name in shape.get("required", [])
            yield Input(name, place, required, field.get("description", ""), _default(field))


def _default(schema: Json) -> str | None:
    default = schema.get("default")
    return None if default is None else str(default)
