"""The audio formats that can be decoded, one module each, which defines FORMATS.

The parsers of FLAC and MPEG frames, Ogg pages and MP4 boxes are modules of their own in `decode/`.
"""
