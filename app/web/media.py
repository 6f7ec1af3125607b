"""Imported media for Workers' browsers: found by an unguessable token, the same for ever, open to every origin."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse, Response
from sqlalchemy import select

from app.access.dependencies import Db, SettingsOf
from app.db.media_files import path_of
from app.db.tables import MediaFile
from app.errors import NotFound

router = APIRouter()

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,43}$")]
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    # A file is shown or played, never run: whatever it contains, it is nobody's page.
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


@router.api_route("/media/{token}", methods=["GET", "HEAD"])
def send_media(token: Token, db: Db, settings: SettingsOf) -> Response:
    """The file, whole or the range that a player asks for."""
    row = db.execute(select(MediaFile.sha256, MediaFile.content_type).where(MediaFile.token == token)).one_or_none()
    path = path_of(settings.media_path, row.sha256) if row else None
    if row is None or path is None or not path.is_file():
        raise NotFound("Media file", token)
    return FileResponse(path, media_type=row.content_type, headers=HEADERS)
