from concurrent.futures import ThreadPoolExecutor

from s3_server import S3Server

from genre_batch.storage.s3_client import s3_client


def test_all_threads_share_one_client(moto_s3: S3Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        clients = list(threads.map(lambda _: s3_client(), range(32)))
    assert len({id(client) for client in clients}) == 1
    assert clients[0].meta.endpoint_url == moto_s3.endpoint


def test_a_changed_environment_makes_a_new_client(moto_s3: S3Server, monkeypatch) -> None:
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
