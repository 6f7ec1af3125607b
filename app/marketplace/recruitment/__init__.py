"""Ways in: a Requester's channels, who comes through them, and their visits up to the completion link.

For pages and commands: `create`, `close`, `channels_of`, `channel_of`, `entry_link`, `invite`, `invitations_of`,
`figures`, `visits_of`. What a Worker does on the way is in `entering` and `visits`.
"""

from app.marketplace.recruitment.channels import (
    NewChannel,
    channel_of,
    channels_of,
    close,
    create,
    entry_link,
    status_of,
)
from app.marketplace.recruitment.figures import ChannelFigures, VisitRow, figures, visits_of
from app.marketplace.recruitment.invitations import NewInvitation, invitations_of, invite

__all__ = [
    "ChannelFigures",
    "NewChannel",
    "NewInvitation",
    "VisitRow",
    "channel_of",
    "channels_of",
    "close",
    "create",
    "entry_link",
    "figures",
    "invitations_of",
    "invite",
    "status_of",
    "visits_of",
]
