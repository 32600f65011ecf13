"""The nightly run as an Airflow DAG. Workers need `genre-batch` and the config file; Ray starts on the worker.

To run on a cluster that stays, set RAY_ADDRESS for the task. Exit code 3 (too many rejects) is an error that a retry
repeats, because the verdict of a run is stored; a run that was interrupted goes on.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="genre_batch_nightly",
    schedule="0 1 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="score",
        bash_command="genre-batch score --config /etc/genre-batch/nightly.yaml",
        retries=2,
        retry_delay=timedelta(minutes=10),
        append_env=True,
    )
