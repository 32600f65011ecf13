"""The names are those of the published table."""

from genre_batch.features.descriptor_columns import COLUMNS


def test_there_are_57_in_the_order_of_the_table() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 57
    assert COLUMNS[:5] == ("chroma_stft_mean", "chroma_stft_var", "rms_mean", "rms_var", "spectral_centroid_mean")
    assert COLUMNS[12:18] == ("harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var", "tempo", "mfcc1_mean")
    assert COLUMNS[-1] == "mfcc20_var"
