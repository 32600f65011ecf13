from concurrent.futures import ThreadPoolExecutor
from xml.etree.ElementTree import ParseError, fromstring
from xml.sax.saxutils import escape

import pytest
from faulty_proxy import Fault, FaultyProxy
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_server import S3Server

from genre_batch.storage import s3
from genre_batch.storage import s3_client as s3_client_module
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.s3_client import Objects, objects_of, s3_client

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
ENTRY = "<Contents><Key>{key}</Key><ETag>&quot;e{size}&quot;</ETag><Size>{size}</Size></Contents>"


def page(*entries: str, namespace: str = NAMESPACE, rest: str = "") -> bytes:
    truncated = "<IsTruncated>false</IsTruncated>"
    return f"<ListBucketResult {namespace}>{truncated}{rest}{''.join(entries)}</ListBucketResult>".encode()


@pytest.mark.parametrize("name", ["moto_s3", pytest.param("radosgw", marks=[pytest.mark.radosgw, pytest.mark.slow])])
def test_both_parsers_agree_on_pages_of_a_real_server(request: pytest.FixtureRequest, name: str) -> None:
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
    """The rest of a response, and the objects that were extracted from it."""
    response, taken = {"status_code": status, "body": body}, {}
    s3_client_module._take_objects(response_dict=response, customized_response_dict=taken, operation_model=None)
    return response["body"], taken


@pytest.mark.parametrize("namespace", [NAMESPACE, ""])
def test_objects_are_extracted_from_the_page(namespace: str) -> None:
    written = "<LastModified>2026-11-29T01:02:03.456Z</LastModified></Contents>"
    dated = ENTRY.format(key="c", size=2).replace("</Contents>", written)
    body = page(ENTRY.format(key="a%2Fb", size=1), dated, namespace=namespace)
    rest, taken = answered(body)
    assert taken == {"Objects": Objects(["a%2Fb", "c"], ["e1", "e2"], [1, 2], ["", "2026-11-29T01:02:03"])}
    assert b"IsTruncated" in rest
    assert b"Contents" not in rest


def test_keys_are_decoded_if_the_server_declares_an_encoding() -> None:
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
def test_an_unusual_page_is_left_to_botocore(body: bytes, status: int) -> None:
    assert answered(body, status) == (body, {})


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9])
def test_a_page_that_is_cut_off_stays_broken(left: float) -> None:
    whole = page(*(ENTRY.format(key=key, size=1) for key in "abcdefgh"))
    rest, _ = answered(whole[: int(left * len(whole))])
    with pytest.raises(ParseError):
        fromstring(rest)


@given(st.lists(st.tuples(st.text("ab%+ é😀&<", min_size=1), st.text("0f-"), st.integers(0, 2**50))))
@settings(max_examples=50)
def test_any_page_is_parsed_as_an_xml_parser_does(found: list[tuple[str, str, int]]) -> None:
    entries = [
        f"<Contents><Key>{escape(key)}</Key><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>\n</Contents>"
        for key, etag, size in found
    ]
    rest, taken = answered(page(*entries))
    parsed = fromstring(page(*entries))
    whole = [
        [child.text for child in each] for each in parsed.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Contents")
    ]
    facts = taken["Objects"][:3]
    assert [[k, f'"{e}"', str(n)] for k, e, n in zip(*facts, strict=True)] == whole
    assert len(fromstring(rest)) == len(parsed) - len(found)


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.LOST_ANSWER, Fault.SHORT_BODY])
def test_a_broken_page_is_requested_again(moto_s3: S3Server, bucket: str, monkeypatch, fault: Fault) -> None:
    monkeypatch.setattr(s3, "_PAGE_KEYS", 2)
    uris = [f"s3://{bucket}/{number}" for number in range(5)]
    for uri in uris:
        S3Store().write(uri, b"x")
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.faults = [Fault.NONE, fault]
        assert [found.uri for found in S3Store().list(f"s3://{bucket}/")] == uris
        assert proxy.requests == 4


def test_all_threads_share_one_client(moto_s3: S3Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        clients = list(threads.map(lambda _: s3_client(), range(32)))
    assert len({id(client) for client in clients}) == 1
    assert clients[0].meta.endpoint_url == moto_s3.endpoint


def test_a_changed_environment_leads_to_a_new_client(moto_s3: S3Server, monkeypatch) -> None:
    before = s3_client()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert s3_client().meta.endpoint_url == "http://127.0.0.1:9"
    monkeypatch.undo()
    assert s3_client().meta.endpoint_url == before.meta.endpoint_url


def test_the_client_is_patient_within_limits(moto_s3: S3Server) -> None:
    config = s3_client().meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (config.connect_timeout, config.read_timeout) == (10, 20)
    assert config.max_pool_connections >= 32
