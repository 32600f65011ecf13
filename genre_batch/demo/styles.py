"""The musical styles of the sample catalog, as values: what is played, how fast, and with which sound."""

from dataclasses import dataclass

MAJOR = (0, 4, 7)
MINOR = (0, 3, 7)
SEVENTH = (0, 4, 7, 10)
MINOR_SEVENTH = (0, 3, 7, 10)
FIFTH = (0, 7, 12)


@dataclass(frozen=True, slots=True)
class Style:
    """A style of one bar patterns over a repeating progression.

    A pattern has one character a step, all steps of equal length: "x" plays, "." rests. bpm: the range of tempos.
    progression: (semitones above the key, chord). rolloff: harmonic k sounds at k ** -rolloff. decay_s: how long a
    note rings. drive: 1 is clean, more distorts. swing: the share of a step by which every second one is late.
    """

    bpm: tuple[int, int]
    beats: int
    progression: tuple[tuple[int, tuple[int, ...]], ...]
    kick: str
    snare: str
    hat: str
    bass: str
    chords: str
    melody: str
    rolloff: float = 1.5
    decay_s: float = 0.4
    drive: float = 1.0
    swing: float = 0.0
    hiss: float = 0.002


STYLES: dict[str, Style] = {
    "ambient": Style(
        bpm=(56, 68), beats=4, progression=((0, MAJOR), (9, MINOR), (5, MAJOR), (7, MAJOR)),
        kick="....", snare="....", hat="....", bass="x...", chords="x...", melody="..x.",
        rolloff=2.2, decay_s=3.0, hiss=0.006,
    ),
    "blues": Style(
        bpm=(72, 96), beats=4, progression=((0, SEVENTH), (5, SEVENTH), (0, SEVENTH), (7, SEVENTH)),
        kick="x.....x.....", snare="...x.....x..", hat="x.xx.xx.xx.x", bass="x..x..x..x..", chords="x.....x.....",
        melody="x.x..x...x.x", decay_s=0.5, drive=2.0,
    ),
    "disco": Style(
        bpm=(112, 124), beats=4, progression=((9, MINOR_SEVENTH), (2, MINOR_SEVENTH), (7, SEVENTH), (0, MAJOR)),
        kick="x...x...x...x...", snare="....x.......x...", hat="..x...x...x...x.", bass="x.x.x.x.x.x.x.x.",
        chords="..x..x....x..x..", melody="x..x..x.....x...", rolloff=1.2, decay_s=0.18,
    ),
    "metal": Style(
        bpm=(150, 180), beats=4, progression=((0, FIFTH), (0, FIFTH), (1, FIFTH), (3, FIFTH)),
        kick="xxxxxxxxxxxxxxxx", snare="....x.......x...", hat="x...x...x...x...", bass="x.xxx.xxx.xxx.xx",
        chords="x.xxx.xxx.xxx.xx", melody="x...x...x.x.x...", rolloff=0.8, decay_s=0.25, drive=9.0,
    ),
    "reggae": Style(
        bpm=(68, 80), beats=4, progression=((0, MINOR), (5, MINOR), (0, MINOR), (7, MINOR)),
        kick="........x.......", snare="........x.......", hat="x.x.x.x.x.x.x.x.", bass="x..x..x.....x.x.",
        chords="....x.......x...", melody="x.....x.x.......", rolloff=1.8, decay_s=0.12,
    ),
    "swing": Style(
        bpm=(140, 190), beats=4, progression=((2, MINOR_SEVENTH), (7, SEVENTH), (0, MAJOR), (9, MINOR_SEVENTH)),
        kick="x...x...", snare="..x...x.", hat="x.xxx.xx", bass="x.x.x.x.", chords="...x..x.", melody="x.xx.x.x",
        rolloff=1.6, decay_s=0.3, swing=0.33,
    ),
    "techno": Style(
        bpm=(126, 138), beats=4, progression=((0, MINOR), (0, MINOR), (8, MAJOR), (10, MAJOR)),
        kick="x...x...x...x...", snare="............x..x", hat="..x...x...x...xx", bass="..xx..xx..xx..xx",
        chords="x.....x.....x...", melody="................", rolloff=1.0, decay_s=0.1, drive=3.0,
    ),
    "waltz": Style(
        bpm=(84, 100), beats=3, progression=((0, MAJOR), (7, SEVENTH), (5, MAJOR), (0, MAJOR)),
        kick="......", snare="......", hat="......", bass="x.....", chords="..x.x.", melody="x.x.xx",
        rolloff=2.0, decay_s=0.9,
    ),
}  # fmt: skip
