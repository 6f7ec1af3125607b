"""From the page's words (`a`, `b`) to the dataset owner's (`given`, `guessed`). Only we know which label was which."""

from collections.abc import Iterable

from app.domain.vocabulary import Choice, Option


def as_option(choice: Choice, *, a_is_given: bool) -> Option | None:
    """What the Worker said about the two labels; None where they could not tell."""
    match choice:
        case Choice.A:
            return Option.GIVEN if a_is_given else Option.GUESSED
        case Choice.B:
            return Option.GUESSED if a_is_given else Option.GIVEN
        case Choice.BOTH:
            return Option.BOTH
        case Choice.NEITHER:
            return Option.NEITHER
        case Choice.CANNOT_TELL:
            return None


def as_shown(order: Iterable[Choice], *, a_is_given: bool) -> list[str]:
    """The order in which the options stood on this Worker's screen, top to bottom, in the owner's words."""
    options = (as_option(choice, a_is_given=a_is_given) for choice in order)
    return [option.value for option in options if option is not None]
