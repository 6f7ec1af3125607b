"""What a Worker makes of the Items on the screen: their entries in the answer key."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.marketplace.crowd.answer_key import AnswerKey, Entry
from app.marketplace.crowd.behaviours import SeenItem
from app.marketplace.crowd.browser import Browser

Recognised = Sequence[tuple[SeenItem, Entry | None]]


class Recognition:
    """Looks Items up in the key; each medium is fetched once, and only when the key knows media by their bytes."""

    def __init__(self, key: AnswerKey | None) -> None:
        self._key = key
        self._digests: dict[str, asyncio.Task[str | None]] = {}

    async def of(self, items: Sequence[SeenItem], browser: Browser) -> Recognised:
        """The Items with their entries; an Item whose medium was fetched in vain no longer `loads`."""
        return [await self._one(item, browser) for item in items]

    async def _one(self, item: SeenItem, browser: Browser) -> tuple[SeenItem, Entry | None]:
        if self._key is None:
            return item, None
        entry = self._key.find(item)
        if entry is not None or item.media_url is None or not self._key.needs_bytes:
            return item, entry
        if item.media_url not in self._digests:
            # A task, not its result: Workers who meet the Item meanwhile wait for the same one.
            self._digests[item.media_url] = asyncio.create_task(browser.sha256_of(item.media_url))
        digest = await self._digests[item.media_url]
        return replace(item, loads=digest is not None), self._key.find(item, sha256=digest)
