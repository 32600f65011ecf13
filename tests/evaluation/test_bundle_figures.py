"""What the pictures of a bundle show, read off their texts and lines."""

from genre_batch.evaluation.bundle_figures import confusion_matrix, learning_curves, reliability_diagram
from genre_batch.evaluation.reliability import ReliabilityBin


def test_the_matrix_has_a_number_for_each_kind_of_answer_and_colours_by_true_genre() -> None:
    axes = confusion_matrix([[3, 1], [0, 4]], ["blues", "$R&B$"]).axes[0]
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [
        ((0, 0), "3"),
        ((1, 0), "1"),
        ((1, 1), "4"),
    ]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["blues", "$R&B$"]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert axes.get_ylabel() == "true genre"


def test_a_genre_without_tracks_and_very_many_genres_are_drawn() -> None:
    confusion_matrix([[0, 0], [1, 2]], ["a", "b"]).canvas.draw()
    many = confusion_matrix([[1] * 60] * 60, [f"genre {number}" for number in range(60)])
    assert not many.axes[0].texts
    many.canvas.draw()


def test_the_diagram_shows_both_states_and_how_many_tracks_there_are() -> None:
    before = [ReliabilityBin(tracks=4, confidence=0.9, accuracy=0.5)]
    after = [
        ReliabilityBin(tracks=3, confidence=0.45, accuracy=0.4),
        ReliabilityBin(tracks=1, confidence=0.7, accuracy=1.0),
    ]
    top, below = reliability_diagram(before, after).axes
    lines = {line.get_label(): tuple(map(list, line.get_data())) for line in top.lines}
    assert lines["before calibration"] == ([0.9], [0.5])
    assert lines["after calibration"] == ([0.45, 0.7], [0.4, 1.0])
    assert [bar.get_height() for bar in below.patches] == [3, 1]


def test_curves_of_one_quantity_share_a_plot() -> None:
    curves = {
        "train_loss": [2.0, 1.0, 0.5],
        "held_out_epoch": [2.0, 4.0],
        "held_out_loss": [2.0, 1.5],
        "held_out_accuracy": [0.1, 0.2],
        "empty_loss": [],
    }
    loss, accuracy = learning_curves(curves).axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert [line.get_label() for line in loss.lines] == ["train", "held out"]
    assert [list(line.get_xdata()) for line in loss.lines] == [[1, 2, 3], [2, 4]]
    assert list(accuracy.lines[0].get_xdata()) == [2, 4]


def test_three_quantities_leave_the_fourth_place_empty() -> None:
    figure = learning_curves({"loss": [1.0], "accuracy": [0.5], "learning_rate": [0.1]})
    assert [axes.get_visible() for axes in figure.axes] == [True, True, True, False]
    assert figure.axes[0].lines[0].get_label() == "loss"
