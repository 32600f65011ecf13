"""500 legal object keys that programs tend to mishandle. They are the same on every call."""

import random
import unicodedata
from collections.abc import Iterator

_DANGEROUS = ["../../escaped", "/absolute", "//double//slashes", "a/../../b", "./here", "..", "...", "a/./b", "~/home"]
_URLS = ["100%", "%2e%2e%2fescaped", "a+b c", "a#b?c&d;e=f", "s3://other/key", "http://127.0.0.1/x", "a%00b", "%"]
_SPACES = [" leading", "trailing ", " ", "a\u00a0b", "a\u2003b", "trailing/ "]
_SHELL = ["'quoted'", '"quoted"', "`id`", "$(id)", "$HOME", "back\\slash", "a|b>c<d", "*?[a-z]", "-rf", "--config"]
_MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></table>",
    "&lt;b&gt;",
    "{{ 7*7 }}",
    "[red]",
]
_FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1-1", "@SUM(A1)", "\uff1dcmd"]
_WINDOWS = ["CON", "nul.mp3", "C:\\Windows\\x", "a:b", "ends.", "AUX .wav", "\\\\server\\share"]
_UNICODE = ["😀.mp3", "é.mp3", "e\u0301.mp3", "\u202egnp.exe", "\u200f\u200e", "\ufeffbom", "日本語", "ﬁ", "\U0010ffff"]
_FORMATS = ["{}", "{0}", "%s%n", "${jndi:ldap://127.0.0.1/a}", "null", "None", "true", "0", "1e9", "year=2024/x"]
_SURROGATES = ["\\ud800", "&#xD800;", "%ED%A0%80", "\ufffd", "\ue000"]
_CONTROLS = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "tab\tinside",
    "\x08\x08",
    "\x7f",
    "\x85",
    "\u2028",
    "\x9b31m",
]
_LINE_ENDS = ["new\nline", "carriage\rreturn", "both\r\n", "\nerror: forged log line", "a\n\nb"]
_LONG = ["x" * 1024, "é" * 512, "a/" * 511 + "ab", "😀" * 256]

PLAIN = [
    *_DANGEROUS,
    *_URLS,
    *_SPACES,
    *_SHELL,
    *_MARKUP,
    *_FORMULAS,
    *_WINDOWS,
    *_UNICODE,
    *_FORMATS,
    *_SURROGATES,
    *_LONG,
]
WITH_CONTROLS = [*_CONTROLS, *_LINE_ENDS]
_LONGEST_BYTES = 1024


def odd_keys(count: int = 500, *, line_ends: bool = True) -> list[str]:
    """`count` distinct keys of at most 1,024 bytes: the lists above, then random combinations of them."""
    wanted = [*PLAIN, *_CONTROLS, *(_LINE_ENDS if line_ends else [])]
    keys = dict.fromkeys(wanted)
    for key in _joined(wanted):
        if len(keys) == count:
            return list(keys)
        keys[key] = None
    raise AssertionError("unreachable: the combinations never end")


def _joined(pieces: list[str]) -> Iterator[str]:
    chance, short = random.Random(0), [piece for piece in pieces if len(piece) < 64]
    while True:
        key = "/".join("".join(chance.choices(short, k=chance.randint(1, 3))) for _ in range(chance.randint(1, 4)))
        key = unicodedata.normalize(chance.choice(["NFC", "NFD"]), key)
        if len(key.encode()) <= _LONGEST_BYTES:
            yield key
