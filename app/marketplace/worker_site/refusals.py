"""The refusal that only Workers meet."""

from collections.abc import Sequence

from app.marketplace.qualifying import Unmet
from app.marketplace.sites.refusals import Refused


class NotQualified(Refused):
    """These HITs are not for this Worker. `unmet`: the Qualifications they lack."""

    def __init__(self, message: str, unmet: Sequence[Unmet] = ()) -> None:
        self.unmet = unmet
        super().__init__(403, message)
