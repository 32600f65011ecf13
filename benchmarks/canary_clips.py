"""Makes the clips that new bundles keep as canaries: short tracks of the sample catalog's styles, one per decoder.

.venv/bin/python benchmarks/canary_clips.py
"""

from pathlib import Path

from genre_batch.demo.catalog import SampleTrack, render
from genre_batch.demo.encode import Encoding

_CLIPS = (
    SampleTrack("grind.flac", "grind", 4001, 4.0, Encoding.FLAC, 22_050, 1),
    SampleTrack("pulse.mp3", "pulse", 4002, 4.0, Encoding.MP3, 22_050, 1),
    SampleTrack("drone.m4a", "drone", 4003, 4.0, Encoding.AAC, 44_100, 1),
    SampleTrack("bounce.ogg", "bounce", 4004, 4.0, Encoding.VORBIS, 22_050, 2),
)


def main() -> None:
    """Write the clips beside the code that reads them."""
    folder = Path(__file__).parents[1] / "genre_batch" / "model" / "clips"
    folder.mkdir(exist_ok=True)
    for clip in _CLIPS:
        (folder / clip.key).write_bytes(render(clip))
        print(clip.key, (folder / clip.key).stat().st_size)


if __name__ == "__main__":
    main()
