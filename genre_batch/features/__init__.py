"""From a waveform to model inputs: the front end, log-mel, segments."""
