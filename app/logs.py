"""Structured logging: facts with ids, past tense, one event a line."""

import logging
import sys
from contextlib import AbstractContextManager

import structlog

from app.settings import Settings


def configure(settings: Settings) -> None:
    """Send our events and the libraries' records to standard error, as `event key=value` or as JSON lines."""
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("botocore", "urllib3", "procrastinate", "httpx2", "httpcore2", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
    )


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose events read `log.info("hit.published", batch_id=7, hit_id=…, took_ms=412)`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger


def about(**facts: object) -> AbstractContextManager[None]:
    """Every event logged inside the block carries `facts`, such as the marketplace's profile."""
    return structlog.contextvars.bound_contextvars(**facts)
