"""How numbers read in messages: counts with their noun, durations and sizes."""

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def plural(count: int, noun: str, many: str = "") -> str:
    """`count` with its noun: "1 shard", "1,024 shards". many: the plural, unless it just adds an "s"."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """`seconds` in the unit that suits: "0.4 s", "12 s", "3.5 min", "8.0 h", "1,250 h"."""
    if seconds < 119.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{_short(minutes)} min" if minutes < 119.5 else f"{_short(minutes / 60)} h"


def size(size_bytes: float) -> str:
    """`size_bytes` in the unit that suits: "8 bytes", "12 kB", "4.5 MB", "5,000 GB"."""
    for scale, unit in _SIZES:
        if size_bytes >= 0.9995 * scale:
            return f"{_short(size_bytes / scale)} {unit}"
    return plural(round(size_bytes), "byte")


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
