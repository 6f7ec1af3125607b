"""Who the caller is."""

from fastapi import APIRouter
from pydantic import BaseModel

from app.access.dependencies import SettingsOf
from app.access.permissions import Permission
from app.api.dependencies import CanView
from app.api.error_handlers import documented
from app.domain.vocabulary import Role
from app.settings import MarketplaceProfile

router = APIRouter(tags=["Account"])


class MeOut(BaseModel):
    """The Account behind the API key, and where its Batches go."""

    email: str
    role: Role
    may: list[Permission]
    profile: MarketplaceProfile


@router.get("/me", summary="Who am I?", responses=documented())
def get_me(caller: CanView, settings: SettingsOf) -> MeOut:
    """Check an API key: whose it is and what it may do."""
    may = [permission for permission in Permission if caller.may(permission)]
    return MeOut(email=caller.email, role=caller.role, may=may, profile=settings.marketplace_profile)
