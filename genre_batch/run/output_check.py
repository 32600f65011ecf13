"""Whether the output can be written, found out before anything is listed."""

from genre_batch.errors import UsageError, UserError
from genre_batch.sink.layout import RUNS_FOLDER
from genre_batch.storage.store import AccessDenied, ObjectGone, StorageError
from genre_batch.storage.uri import is_s3
from genre_batch.storage.writable import check_writable

_PROBE = f"{RUNS_FOLDER}_write_check"


def require_writable_output(output: str) -> None:
    """Return if the folder `output` can be written. Writes nothing.

    Raises UsageError if it does not exist or may not be written, UserError if its server does not answer.
    """
    try:
        check_writable(output, _PROBE)
    except StorageError as error:
        may_pass = is_s3(output) and not isinstance(error, ObjectGone | AccessDenied)
        kind = UserError if may_pass else UsageError
        raise kind(f"OUTPUT {output} cannot be used: {error}", _hint(error, output)) from error


def _hint(error: StorageError, output: str) -> str:
    if not is_s3(output):
        return "give a folder that this user may write"
    if isinstance(error, ObjectGone):
        return (
            "create the bucket, or check its name; the second argument (`output` in a file) says where the table goes"
        )
    if error.hint:
        return error.hint
    if isinstance(error, AccessDenied):
        return "check the credentials; cluster/aws/s3-policy.json has the permissions that the output needs"
    return "check the network and AWS_ENDPOINT_URL, then start again"
