"""File uploads, which MTurk took away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.marketplace.operations import assignments
from app.marketplace.wire_errors import RequestError


def get_file_upload_url(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Refused for every Assignment: since 2017-12-12 no question can ask for a file."""
    assignments.get_assignment(db, requester_id, params, now)
    raise RequestError(
        "UnsupportedOperation",
        "File uploads ended on 2017-12-12: a QuestionForm can hold no FileUploadAnswer, so there is no file to fetch.",
    )
