"""From untrusted bytes to a mono waveform: sniffing, decoders, the window rule, the sandbox."""
