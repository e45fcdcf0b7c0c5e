# SPDX-License-Identifier: Apache-2.0
"""Why a request is not answered; each API says it in its own form.

ServiceError
├── BadRequestError       400  what was sent cannot be understood
├── UnauthorizedError     401  no key, or a wrong one
├── ForbiddenError        403  a good key, for other things
├── NotFoundError         404  there is no such route or model
├── ConflictError         409  a model's name is taken
├── TooLargeError         413  the body or the picture is over a limit
├── MisdirectedError      421  it asks for a name that is not this server's
├── BusyError             429  the queue is full
└── UnavailableError      503  not ready, draining, or the deadline has passed
"""

from __future__ import annotations

__all__ = [
    "BadRequestError",
    "BusyError",
    "ConflictError",
    "ForbiddenError",
    "MisdirectedError",
    "NotFoundError",
    "ServiceError",
    "TooLargeError",
    "UnauthorizedError",
    "UnavailableError",
]


class ServiceError(Exception):
    """The root: a status, a code of the service's, and a sentence for the person who asked.

    Args:
        message: What was wrong and what to do.
        code: The service's error code that fits best; each class has one of its own.
        retry_after: Seconds after which it may be worth another try.
    """

    status = 500
    code = "ErrorUnknown"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.retry_after = retry_after


class BadRequestError(ServiceError):
    """What was sent cannot be understood."""

    status, code = 400, "BadRequest"


class UnauthorizedError(ServiceError):
    """There is no key, or a wrong one."""

    status, code = 401, "Unauthorized"


class ForbiddenError(ServiceError):
    """The key is good, for other things."""

    status, code = 403, "Forbidden"


class NotFoundError(ServiceError):
    """There is no such route or model."""

    status, code = 404, "NotFound"


class ConflictError(ServiceError):
    """A model's name is taken."""

    status, code = 409, "Conflict"


class TooLargeError(ServiceError):
    """The body or the picture is over a limit."""

    status, code = 413, "BadRequestImageSizeBytes"


class MisdirectedError(ServiceError):
    """It asks for a name that is not this server's."""

    status, code = 421, "MisdirectedRequest"


class BusyError(ServiceError):
    """The queue is full."""

    status, code = 429, "TooManyRequests"


class UnavailableError(ServiceError):
    """Not ready, draining, or the deadline has passed."""

    status, code = 503, "ErrorPredictionServiceUnavailable"
