"""What routes that take a sheet or show its faults share."""

from fastapi import UploadFile
from pydantic import BaseModel, Field

from app.api.error_handlers import ProblemOut
from app.db.sheets import Faults
from app.errors import Problem


def content_of(file: UploadFile) -> bytes:
    """The uploaded sheet; its size was limited on the way in."""
    return file.file.read()


def shown(problems: list[Problem]) -> list[ProblemOut]:
    """Faults or notes as every answer has them."""
    return [ProblemOut(line=one.line, field=one.field, message=one.message) for one in problems]


class FaultsOut(BaseModel):
    """Rows that cannot be done."""

    total: int = Field(description="How many faults there are; the list is cut at 1,000.")
    problems: list[ProblemOut]

    @classmethod
    def of(cls, faults: Faults) -> "FaultsOut":
        """As they were found."""
        return cls(total=faults.total, problems=shown(faults.problems))
