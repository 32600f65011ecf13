from genre_batch.verify.repair_report import RepairReport


def test_it_says_what_was_not_repaired() -> None:
    report = RepairReport(moved=("a", "b"), again=1, rewritten=0, hopeless=("the listing",))
    assert report.summary().splitlines() == [
        "repair: 2 files moved away, 1 shards done again, 0 markers written anew",
        "not repaired: the listing",
    ]
