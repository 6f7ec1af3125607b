"""What a page says after a form has done its work; the link carries only the word on the left."""

NOTICES = {
    "password_changed": "Your password is changed. Other browsers are signed out.",
    "key_revoked": "The key is revoked. It stops working within ten seconds.",
    "approved": "The work is approved and paid.",
    "rejected": "The work is rejected. The Worker reads your reason.",
    "expired": "Nobody can accept this HIT any more.",
    "extended": "The HIT is extended.",
    "more": "More Workers can work on this HIT now.",
    "deleted": "The HIT is deleted.",
    "reviewing": "The HIT's review status is changed.",
    "blocked": "The Worker cannot accept your HITs any more.",
    "unblocked": "The Worker can accept your HITs again.",
    "granted": "The Worker has the Qualification.",
    "revoked": "The Worker does not have the Qualification any more.",
    "bonus": "The bonus is paid, and its fee.",
    "sent": "The message stands in the Worker's inbox.",
    "request_accepted": "The request is accepted.",
    "request_rejected": "The request is rejected.",
    "type_made": "The Qualification type is made.",
    "layout_made": "The layout is made. Programs name it by its HITLayoutId.",
    "channel_closed": "The channel is closed: nobody new comes in.",
}
