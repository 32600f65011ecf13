"""Progress is on stderr, now and then, and always at the end."""

import pytest

from genre_batch.training.progress import epoch_teller


def test_every_tenth_epoch_and_the_last_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    told = epoch_teller("fold 1/5", 23)
    for epoch in range(1, 24):
        told(epoch, 1 / epoch)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "fold 1/5: epoch 10/23, loss 0.100",
        "fold 1/5: epoch 20/23, loss 0.050",
        "fold 1/5: epoch 23/23, loss 0.043",
    ]


def test_a_fit_that_goes_on_says_from_where(capsys: pytest.CaptureFixture[str]) -> None:
    told = epoch_teller("fold 1/5", 9)
    for epoch in (8, 9):
        told(epoch, 0.5)
    assert capsys.readouterr().err.splitlines() == [
        "fold 1/5: goes on from epoch 7",
        "fold 1/5: epoch 9/9, loss 0.500",
    ]
