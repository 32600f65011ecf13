from verify.outputs import tracks_of

from genre_batch.verify.findings import INFORMATION, Finding, Findings, Kind


def test_damage_and_information_are_distinguished() -> None:
    findings = Findings()
    for kind in Kind:
        findings.add(kind, "a", "b")
    assert findings.damage == len(Kind) - len(INFORMATION)
    assert [finding.kind for finding in findings.kept if not finding.is_damage] == [k for k in Kind if k in INFORMATION]


def test_information_is_cut_and_damage_is_not() -> None:
    findings = Findings()
    for _ in range(1_500):
        findings.add(Kind.CHANGED, "a", "b")
        findings.add(Kind.MISSING, "a", "b")
    assert (len(findings.kept), sum(findings.counts.values()), findings.damage) == (2_500, 3_000, 1_500)


def test_a_line_is_one_line() -> None:
    (track,) = tracks_of([1])
    line = Finding(kind=Kind.CHANGED, path=track.uri, message="\x1b[31m", tracks=2).line()
    assert line == "changed: s3://music/0001 Été\\n%20.mp3: \\x1b[31m (2 tracks)"
