"""What the client raises, under the names and with the attributes of the SDK's errors.

The tree::

    GraphflowError
    └── LangGraphError
        ├── RunFailedError              what `runs.wait` raises when the run has failed
        └── APIError
            └── APIStatusError          what a server answers with a status
                ├── BadRequestError             400
                ├── NotFoundError               404
                ├── ConflictError               409
                └── UnprocessableEntityError    422

There is no request and no response, so the SDK's classes for those have no use here.
"""

from typing import ClassVar

from graphflow.errors import GraphflowError

__all__ = (
    "APIError",
    "APIStatusError",
    "BadRequestError",
    "ConflictError",
    "LangGraphError",
    "NotFoundError",
    "RunFailedError",
    "UnprocessableEntityError",
)


class LangGraphError(GraphflowError):
    """Whatever the client raises by itself."""


class RunFailedError(LangGraphError):
    """A run has failed; the text is `ValueError: ...`, the error itself is the `__cause__`."""


class APIError(LangGraphError):
    """A request that a server would refuse; its `code`, `param` and `type` are None.

    Attributes:
        message: what is wrong.
        body: the same, as a server says it.
    """

    def __init__(self, message: str) -> None:
        """Keep the message."""
        super().__init__(message)
        self.message = message
        self.body = {"detail": message}
        self.code: str | None = None
        self.param: str | None = None
        self.type: str | None = None


class APIStatusError(APIError):
    """A request that a server would answer with a status.

    Attributes:
        status_code: the status.
        request_id: always None.
    """

    status_code: ClassVar[int]
    request_id: str | None = None


class BadRequestError(APIStatusError):
    """What was asked for cannot be done."""

    status_code = 400


class NotFoundError(APIStatusError):
    """There is no such thread, run or assistant."""

    status_code = 404


class ConflictError(APIStatusError):
    """It cannot be done now, or is there already."""

    status_code = 409


class UnprocessableEntityError(APIStatusError):
    """What was given is not as it must be."""

    status_code = 422
