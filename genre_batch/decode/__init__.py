"""From untrusted bytes to a mono waveform: formats, decoders, the window rule."""
