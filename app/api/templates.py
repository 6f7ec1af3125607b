"""The HIT templates that a Batch may use."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.dependencies import CanView
from app.api.error_handlers import documented
from app.domain.vocabulary import MediaType
from app.questions import catalogue

router = APIRouter(prefix="/templates", tags=["Templates"])


class TemplateOut(BaseModel):
    """One HIT template."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["image"])
    media_type: MediaType
    title: str
    description: str
    keywords: str
    instructions: str
    seconds_per_item: int
    sha256: str = Field(description="Of manifest and source: equal hashes ask equal questions.")


class TemplatesOut(BaseModel):
    """All HIT templates by name."""

    templates: list[TemplateOut]


@router.get("", summary="List HIT templates", responses=documented())
def list_templates(caller: CanView) -> TemplatesOut:
    """The questions that this installation can ask."""
    return TemplatesOut(templates=[TemplateOut.model_validate(template) for template in catalogue.available()])
