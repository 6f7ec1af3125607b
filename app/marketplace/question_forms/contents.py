"""What a QuestionForm shows: titles, texts, lists, formatted content, pictures, sounds and films, as HTML."""

from markupsafe import Markup

from app.marketplace.question_forms import formatted_content
from app.marketplace.question_forms.form import BulletList, Content, Formatted, Media, Selection, Text, Title


def content_html(content: tuple[Content, ...]) -> Markup:
    """All of it, in its order."""
    return Markup("").join(_piece(piece) for piece in content)


def _piece(piece: Content) -> Markup:
    if isinstance(piece, Title):
        return Markup('<h2 dir="auto">{}</h2>').format(piece.text)
    if isinstance(piece, Text):
        paragraphs = [part for part in piece.text.replace("\r\n", "\n").split("\n\n") if part.strip()]
        return Markup("").join(Markup('<p dir="auto">{}</p>').format(part) for part in paragraphs)
    if isinstance(piece, BulletList):
        items = Markup("").join(Markup("<li><bdi>{}</bdi></li>").format(item) for item in piece.items)
        return Markup('<ul dir="auto">{}</ul>').format(items)
    if isinstance(piece, Formatted):
        return Markup('<div class="qf-formatted" dir="auto">{}</div>').format(formatted_content.to_html(piece.tree))
    return Markup("<p>{}</p>").format(media_html(piece))


def media_html(media: Media) -> Markup:
    """The picture, the player, or a link to what is neither."""
    size = attributes_html(width=media.width, height=media.height)
    if media.kind == "image":
        return Markup('<img src="{}" alt="{}"{}>').format(media.url, media.alt, size)
    if media.kind == "audio":
        return Markup('<audio controls preload="metadata" src="{}" aria-label="{}"></audio>').format(
            media.url, media.alt or "Sound"
        )
    if media.kind == "video":
        return Markup('<video controls preload="metadata" src="{}" aria-label="{}"{}></video>').format(
            media.url, media.alt or "Film", size
        )
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(
        media.url, media.alt or media.url
    )


def attributes_html(**values: str | int | bool | None) -> Markup:
    """Attributes in HTML; False and None are left out, `_` becomes `-`."""
    return Markup("").join(
        Markup(" {}").format(name.replace("_", "-"))
        if value is True
        else Markup(' {}="{}"').format(name.replace("_", "-"), value)
        for name, value in values.items()
        if value is not None and value is not False
    )


def label(selection: Selection) -> str:
    """The selection in words."""
    content = selection.content
    if isinstance(content, Text):
        return content.text or selection.id
    words = content.alt if isinstance(content, Media) else formatted_content.to_text(content.tree)
    return words or selection.id
