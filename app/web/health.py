"""Health, for whoever watches the process: alive at all, and ready to serve."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from starlette import status

from app.access.dependencies import DatabaseOf
from app.db import health
from app.db.health import Standing

router = APIRouter(prefix="/health")


@router.get("/live")
def live() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
def ready(database: DatabaseOf) -> Response:
    """Whether requests can be served, part by part: 503 where they cannot.

    Without a job runner the console serves as ever: `degraded`, with 200, so that nobody takes it out of a load balancer.
    """
    parts = health.look(database)
    standing = health.worst(parts)
    said = {part.name.replace(" ", "_"): {"status": part.standing, "detail": part.said} for part in parts}
    code = status.HTTP_503_SERVICE_UNAVAILABLE if standing is Standing.UNAVAILABLE else status.HTTP_200_OK
    return JSONResponse({"status": standing, "parts": said}, status_code=code)
