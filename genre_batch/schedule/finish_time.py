"""`finish_by`: a time of day or a duration, after which a run starts no new work."""

import re
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)


def _checked(text: str) -> str:
    if not _TIME_OF_DAY.fullmatch(text) and not (text and _DURATION.fullmatch(text)):
        raise ValueError('give a time of day such as "05:30", or a duration such as 6h, 90m or 1h30m')
    return text


def _quoted(value: object) -> object:
    if isinstance(value, int):  # YAML takes 23:15 for the number 1395
        raise ValueError('put a time of day in quotes, for example "23:15"')
    return value


FinishBy = Annotated[str, BeforeValidator(_quoted), AfterValidator(_checked)]
"""A time of day by the clock and time zone of the driver's machine, or a duration from the start of the run."""


def seconds_until(finish_by: FinishBy, now: datetime) -> float:
    """Seconds from `now` to that time of day, today or tomorrow, or those of the duration."""
    if time_of_day := _TIME_OF_DAY.fullmatch(finish_by):
        hour, minute = map(int, time_of_day.groups())
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return ((then if then > now else then + timedelta(days=1)) - now).total_seconds()
    found = _DURATION.fullmatch(finish_by)
    hours, minutes, seconds = (int(each or 0) for each in found.groups()) if found else (0, 0, 0)
    return float(3600 * hours + 60 * minutes + seconds)


class FinishTime:
    """When a run is to finish. clock_s: a clock that only moves forward. end: as a time; None: no limit."""

    def __init__(self, finish_by: FinishBy | None, now: datetime, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._now, self._now_s = now, clock_s()
        self.end = None if finish_by is None else now + timedelta(seconds=seconds_until(finish_by, now))
        message = f"not tried before finish_by={finish_by}; the next run tries it"
        self._deferred = Reject(RejectReason.DEFERRED, RejectStage.READ, message)

    @property
    def unix_s(self) -> float:
        """The end as Unix time; 0: no limit."""
        return self.end.timestamp() if self.end else 0.0

    def ending(self, end: datetime | None) -> Self:
        """The same with another end, which may have passed."""
        other = copy(self)
        other.end = end
        return other

    def is_over(self) -> bool:
        """Whether no new work may start."""
        return self.put_off() is not None

    def put_off(self) -> Reject | None:
        """Why no new work may start; None while there is time."""
        if self.end is None or self._clock_s() - self._now_s < (self.end - self._now).total_seconds():
            return None
        return self._deferred
