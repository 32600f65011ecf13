from xml.etree.ElementTree import ParseError, fromstring
from xml.sax.saxutils import escape

import pytest
from faulty_proxy import Fault, FaultyProxy
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_server import S3Server

from genre_batch.storage import s3, s3_page
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.s3_client import s3_client
from genre_batch.storage.s3_page import Objects, objects_of

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
ENTRY = "<Contents><Key>{key}</Key><ETag>&quot;e{size}&quot;</ETag><Size>{size}</Size></Contents>"


def page(*entries: str, namespace: str = NAMESPACE, rest: str = "") -> bytes:
    truncated = "<IsTruncated>false</IsTruncated>"
    return f"<ListBucketResult {namespace}>{truncated}{rest}{''.join(entries)}</ListBucketResult>".encode()


@pytest.mark.parametrize("name", ["moto_s3", pytest.param("radosgw", marks=[pytest.mark.radosgw, pytest.mark.slow])])
def test_a_real_server_shows_the_same_to_both_parsers(request: pytest.FixtureRequest, name: str) -> None:
    server: S3Server = request.getfixturevalue(name)
    bucket = server.new_bucket()
    for key in ("a b+c%20d", "é/😀", "<&>\"'", "plain", "folder/"):
        server.client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    asked = {"Bucket": bucket, "Delimiter": "/"}
    plain, lean = server.client.list_objects_v2(**asked), s3_client().list_objects_v2(**asked)
    assert objects_of(lean) == objects_of(plain)
    assert len(objects_of(lean).keys) == 3
    assert "Contents" not in lean
    unlike = {"Contents", "Objects", "ResponseMetadata"}
    assert {k: v for k, v in lean.items() if k not in unlike} == {k: v for k, v in plain.items() if k not in unlike}
    assert lean["CommonPrefixes"] == [{"Prefix": "folder/"}, {"Prefix": "é/"}]


def answered(body: bytes, status: int = 200) -> tuple[bytes, dict[str, Objects]]:
    """What is left of an answer, and what was taken out of it."""
    response, taken = {"status_code": status, "body": body}, {}
    s3_page._take_objects(response_dict=response, customized_response_dict=taken, operation_model=None)
    return response["body"], taken


@pytest.mark.parametrize("namespace", [NAMESPACE, ""])
def test_objects_are_taken_out_of_the_page(namespace: str) -> None:
    body = page(ENTRY.format(key="a%2Fb", size=1), ENTRY.format(key="c", size=2), namespace=namespace)
    rest, taken = answered(body)
    assert taken == {"Objects": Objects(["a%2Fb", "c"], ["e1", "e2"], [1, 2])}
    assert b"IsTruncated" in rest
    assert b"Contents" not in rest


def test_keys_are_decoded_where_the_server_says_that_they_are_encoded() -> None:
    entries = [ENTRY.format(key=key, size=1) for key in ("a%2Fb", "a+b%2Bc", "%C3%A9%0A")]
    _, taken = answered(page(*entries, rest="<EncodingType>url</EncodingType>"))
    assert taken["Objects"].keys == ["a/b", "a b+c", "é\n"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (page(ENTRY.format(key="a", size=1)), 503),
        (b"<Error><Code>InternalError</Code></Error>", 200),
        (page("<Contents><Key>a</Key><ETag>e</ETag><Size>1</Size><Owner><ID>1</ID></Owner></Contents>"), 200),
        (page("<Contents><Key><![CDATA[a]]></Key><ETag>e</ETag><Size>1</Size></Contents>"), 200),
        (page("<Contents><Key>a&copy=b</Key><ETag>e</ETag><Size>1</Size></Contents>"), 200),
        (page("<Contents><Key>a&#10;b</Key><ETag>e</ETag><Size>1</Size></Contents>"), 200),
        (b'<?xml version="1.0" encoding="latin-1"?>' + page(ENTRY.format(key="a", size=1)), 200),
        (page(ENTRY.format(key="\xe9", size=1)).decode().encode("latin-1"), 200),
        (page("<Contents><Key>a</Key><Size>1</Size></Contents>"), 200),
        (page(ENTRY.format(key="a", size="many")), 200),
        (page(ENTRY.format(key="", size=1)), 200),
        (b"", 200),
    ],
    ids=[
        "error status",
        "error in a success",
        "nested",
        "literal",
        "no entity",
        "by number",
        "said to be latin",
        "latin",
        "no etag",
        "no number",
        "no key",
        "empty",
    ],
)
def test_what_is_no_whole_page_is_left_to_botocore(body: bytes, status: int) -> None:
    assert answered(body, status) == (body, {})


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9])
def test_a_page_that_is_cut_off_stays_broken(left: float) -> None:
    whole = page(*(ENTRY.format(key=key, size=1) for key in "abcdefgh"))
    rest, _ = answered(whole[: int(left * len(whole))])
    with pytest.raises(ParseError):
        fromstring(rest)


@given(st.lists(st.tuples(st.text("ab%+ é😀&<", min_size=1), st.text("0f-"), st.integers(0, 2**50))))
@settings(max_examples=50)
def test_any_page_says_what_a_parser_says(found: list[tuple[str, str, int]]) -> None:
    entries = [
        f"<Contents><Key>{escape(key)}</Key><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>\n</Contents>"
        for key, etag, size in found
    ]
    rest, taken = answered(page(*entries))
    parsed = fromstring(page(*entries))
    whole = [
        [child.text for child in each] for each in parsed.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Contents")
    ]
    assert [[k, f'"{e}"', str(n)] for k, e, n in zip(*taken["Objects"], strict=True)] == whole
    assert len(fromstring(rest)) == len(parsed) - len(found)


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.LOST_ANSWER, Fault.SHORT_BODY])
def test_a_page_that_breaks_is_asked_for_again(moto_s3: S3Server, bucket: str, monkeypatch, fault: Fault) -> None:
    monkeypatch.setattr(s3, "_PAGE_KEYS", 2)
    uris = [f"s3://{bucket}/{number}" for number in range(5)]
    for uri in uris:
        S3Store().write(uri, b"x")
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.faults = [Fault.NONE, fault]
        assert [found.uri for found in S3Store().list(f"s3://{bucket}/")] == uris
        assert proxy.requests == 4
