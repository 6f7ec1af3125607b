"""Health, for whoever watches the process: alive at all, and ready to serve."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette import status

from app.access.dependencies import DatabaseOf

router = APIRouter(prefix="/health")


@router.get("/live")
def live() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
def ready(database: DatabaseOf) -> Response:
    """The database answers too; 503 where it does not."""
    try:
        with database.transaction() as db:
            db.execute(text("SELECT 1"))
    except (OperationalError, PoolTimeout):
        return JSONResponse({"status": "database unavailable"}, status_code=status.HTTP_503_SERVICE_UNAVAILABLE)
    return JSONResponse({"status": "ok"})
