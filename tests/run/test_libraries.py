from importlib.metadata import version

from genre_batch.run.libraries import library_versions


def test_the_versions_are_the_installed_ones() -> None:
    versions = library_versions()
    assert versions["librosa"] == version("librosa")
    assert {"torch", "soundfile", "av"} <= set(versions)
