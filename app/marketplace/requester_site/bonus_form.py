"""The form for a bonus, which stands beside an Assignment and on a Worker's page."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form

from app.marketplace.requester_site.pages import Text


@dataclass(frozen=True, slots=True)
class BonusForm:
    """As it was sent. The token, drawn with the page, makes it happen once."""

    amount: Annotated[str, Form(max_length=30)] = ""
    reason: Text = ""
    token: Annotated[str, Form(max_length=64)] = ""

    def values(self) -> dict[str, str]:
        """The input of SendBonus, but for who and what for."""
        amount = self.amount.strip().removeprefix("$")
        return {"BonusAmount": amount, "Reason": self.reason.strip(), "UniqueRequestToken": self.token}
