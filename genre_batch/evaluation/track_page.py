"""The page of one track: pictures of how it sounds, and what a bundle takes it for."""

from genre_batch.evaluation.page import picture, render, report_libraries
from genre_batch.evaluation.track_answer import HeardTrack


def track_page(track: HeardTrack, model_id: str) -> str:
    """One self-contained HTML page of the track. Raises UsageError where the libraries of `report` are missing."""
    with report_libraries():
        from genre_batch.evaluation import spectral_figures, wave_figures

    sound = track.samples, track.sample_rate
    pictures = {
        "waveform": picture(wave_figures.waveform(*sound, track.start_s)),
        "power_spectrum": picture(wave_figures.power_spectrum(*sound)),
        "spectrogram": picture(spectral_figures.spectrogram(*sound, track.start_s)),
        "log_mel": picture(spectral_figures.log_mel(*sound, track.start_s)),
        "mfcc": picture(spectral_figures.mfcc(*sound, track.start_s)),
        "chroma": picture(spectral_figures.chroma(*sound, track.start_s)),
        "spectral_roll_off": picture(spectral_figures.spectral_roll_off(*sound, track.start_s)),
        "zero_crossings": picture(wave_figures.zero_crossings(*sound, track.start_s)),
    }
    return render("track.html.j2", track=track, model_id=model_id, pictures=pictures)
