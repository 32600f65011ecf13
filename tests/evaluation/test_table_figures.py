"""What the pictures of a table show, read off their bars."""

from genre_batch.evaluation.table_figures import MOST_BARS, confidence_histogram, counts_by_name


def test_the_most_frequent_name_is_on_top() -> None:
    (axes,) = counts_by_name({"blues": 2, "<script>": 1500}, "tracks").axes
    assert [bar.get_width() for bar in axes.patches] == [1500, 2]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["<script>", "blues"]
    assert [text.get_text() for text in axes.texts] == ["1,500", "2"]
    assert axes.get_xlabel() == "tracks"


def test_there_is_room_for_so_many_names() -> None:
    (axes,) = counts_by_name({f"genre {number}": number for number in range(100)}, "tracks").axes
    assert len(axes.patches) == MOST_BARS
    assert axes.patches[0].get_width() == 99


def test_abstained_tracks_stand_on_the_answered_ones() -> None:
    (axes,) = confidence_histogram([1, 2, 3, 4], [2, 0, 0, 0]).axes
    answered, abstained = axes.patches[:4], axes.patches[4:]
    assert [bar.get_height() for bar in answered] == [1, 2, 3, 4]
    assert (abstained[0].get_y(), abstained[0].get_height()) == (1, 2)
    assert [bar.get_x() for bar in answered] == [0.0, 0.25, 0.5, 0.75]


def test_without_abstentions_there_is_one_colour() -> None:
    (axes,) = confidence_histogram([1, 2], [0, 0]).axes
    assert len(axes.patches) == 2
    assert axes.get_legend() is None


def test_few_tracks_are_counted_in_whole_numbers() -> None:
    (names,) = counts_by_name({"blues": 3, "jazz": 1}, "tracks").axes
    (sure,) = confidence_histogram([1, 2], [0, 0]).axes
    for ticks in (names.get_xticks(), sure.get_yticks()):
        assert all(float(tick).is_integer() for tick in ticks)
