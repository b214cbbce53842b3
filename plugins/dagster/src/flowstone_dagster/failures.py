"""What Dagster raised and reported, as what really happened."""

from __future__ import annotations

from flowstone.plugin import Error
from flowstone_dagster.statuses import Status

_CANCELLED = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError", "GeneratorExit"})
# Verdicts on the user's data, though Dagster derives them from its own errors.
_VERDICTS = frozenset({"DagsterAssetCheckFailedError", "DagsterTypeCheckDidNotPass"})


def original(error: BaseException) -> BaseException:
    """Return the user's exception behind Dagster's wrapping, or *error* itself.

    A retry policy raises ``RetryRequested`` from what it retries.
    """
    user = getattr(error, "user_exception", None)
    if isinstance(user, BaseException):
        return user
    if is_retry(error) and error.__cause__ is not None:
        return original(error.__cause__)
    return error


def is_interrupt(error: Error) -> bool:
    """Tell whether a reported error is that of an interrupt."""
    return error.type.rpartition(".")[2] in _CANCELLED


def is_retry(error: BaseException) -> bool:
    """Tell whether *error* asks for another attempt."""
    return "RetryRequested" in _names(error)


def status_of(error: BaseException) -> Status:
    """Return how an attempt ended that *error* left.

    Interrupts and abandoned iterations are cancellations, Dagster's own errors are ``error``,
    everything else, also a request to retry, is a failure of this attempt.
    """
    names = _names(original(error))
    if names & _CANCELLED:
        return "cancellation"
    if "DagsterError" in names and not names & _VERDICTS:
        return "error"
    return "failure"


def error_of_info(info: object, text: str) -> Error:
    """Return Dagster's serialised error; the user's own, where Dagster wrapped it.

    Args:
        info: A ``SerializableErrorInfo``, or None.
        text: What to say where there is none.
    """
    while getattr(info, "cause", None) is not None and str(getattr(info, "cls_name", "")).startswith(
        "Dagster"
    ):
        info = getattr(info, "cause", None)
    kind = getattr(info, "cls_name", None)
    message = getattr(info, "message", None)
    if not isinstance(message, str):
        return Error(type="_OTHER", message=text)
    name = kind if isinstance(kind, str) and kind else "_OTHER"
    stack = "".join(str(line) for line in getattr(info, "stack", None) or ())
    plain = message.strip()
    qualified, text = _parted(plain, name)
    return Error(type=qualified, message=text, stack=stack + plain)


def _parted(message: str, name: str) -> tuple[str, str]:
    """Part ``package.Name: text``, as tracebacks put it, into the qualified name and the text."""
    head, _, tail = message.partition(": ")
    return (head, tail) if head.rpartition(".")[2] == name else (name, message)


def _names(error: BaseException) -> frozenset[str]:
    # By name, so that nothing of Dagster need be imported, and a moved class is still known.
    return frozenset(kind.__name__ for kind in type(error).__mro__)
