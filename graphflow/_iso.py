"""Times as users read them."""


def iso(at: int) -> str:
    """Return a time in microseconds since 1970 as ISO 8601 has it, in UTC."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - most runs need no date

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat()
