"""The routes of a site's pages, read once for each process."""

from functools import cache
from types import ModuleType

from fastapi import APIRouter
from starlette.routing import BaseRoute


@cache
def routes_of(pages: tuple[ModuleType, ...], *, max_body_size: int) -> list[BaseRoute]:
    """All routes of modules that each have a `router`, bodies limited to so many bytes.

    FastAPI reads what routes take and give anew for each application that includes them, which takes longer than a small test.
    """
    router = APIRouter(max_body_size=max_body_size)
    for part in pages:
        router.include_router(part.router)
    return router.routes
