"""How many tracks a batch has: enough that calls cost the driver little, few enough that all actors end together."""

FEWEST_TRACKS = 7
"""Halved evenly this leaves 4 tracks; a feature block of fewer would be an object of less than 1 MB, which Ray moves at
a fraction of its speed."""

_FIRST_TRACKS = 32
_LASTS_S = 10.0
_BATCHES_AN_ACTOR = 8
_KEPT = 0.98


class BatchSize:
    """The size that suits a run at each moment, from what its calls take.

    most: tracks at most. adapts: a batch is to keep an actor busy for 10 s, as far as that is known; otherwise it
    has `most` tracks. Either way the rest of a run is spread over all actors, several batches each.
    """

    def __init__(self, most: int, *, adapts: bool) -> None:
        self._most, self._adapts = most, adapts
        self._tracks = self._spent_s = 0.0

    def note(self, tracks: int, spent_s: float) -> None:
        """A call took `spent_s` seconds of an actor; the last 50 calls or so count."""
        self._tracks = self._tracks * _KEPT + tracks
        self._spent_s = self._spent_s * _KEPT + spent_s

    def tracks(self, left: int, actors: int) -> int:
        """Tracks at most in the next batch, when `left` are in none yet and `actors` work."""
        spread = max(FEWEST_TRACKS, -(-left // (_BATCHES_AN_ACTOR * max(1, actors))))
        return min(self._most, self._suitable(), spread)

    def _suitable(self) -> int:
        if not self._adapts:
            return self._most
        if not self._tracks:
            return _FIRST_TRACKS
        # of a call that took no time at all, the cap decides
        return max(FEWEST_TRACKS, int(_LASTS_S * self._tracks / max(self._spent_s, 1e-9)))
