"""The EC2 launcher file, checked with Ray's own schema."""

import copy

import jsonschema
import pytest
from cluster_files import launcher
from ray.autoscaler._private.util import prepare_config, validate_config


def test_rays_own_schema_accepts_it() -> None:
    config = prepare_config(launcher())
    validate_config(config)
    assert set(config["available_node_types"]) == {"head", "cpu", "gpu"}


def test_rays_own_schema_rejects_a_wrong_key() -> None:
    wrong = copy.deepcopy(launcher())
    wrong["available_node_types"]["gpu"]["min_worker"] = 0
    with pytest.raises(jsonschema.ValidationError):
        validate_config(prepare_config(wrong))


def test_token_authentication_is_on_and_the_token_is_copied_to_every_node() -> None:
    config = launcher()
    assert "--env RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    assert config["file_mounts"] == {"/home/genre/.ray/auth_token": "~/.ray/auth_token"}


def test_there_is_a_cpu_pool_and_a_gpu_pool_that_may_be_empty() -> None:
    types = launcher()["available_node_types"]
    assert set(types) == {"head", "cpu", "gpu"}
    assert types["cpu"]["min_workers"] >= 1
    assert types["gpu"]["min_workers"] == 0
    assert types["gpu"]["max_workers"] >= 1


def test_machines_with_gpus_have_the_image_for_cuda() -> None:
    config = prepare_config(launcher())
    image, kind = config["docker"]["image"], config["available_node_types"]["gpu"]
    assert kind["docker"] == {"worker_image": f"{image}-cuda"}


def test_workers_are_spot_instances_and_the_head_is_not() -> None:
    nodes = {name: kind["node_config"] for name, kind in launcher()["available_node_types"].items()}
    assert "InstanceMarketOptions" not in nodes["head"]
    assert nodes["cpu"]["InstanceMarketOptions"] == nodes["gpu"]["InstanceMarketOptions"] == {"MarketType": "spot"}


def test_no_actors_run_on_the_head() -> None:
    assert launcher()["available_node_types"]["head"]["resources"] == {"CPU": 0}


def test_every_node_has_a_role_and_workers_may_not_start_nodes() -> None:
    roles = {
        name: kind["node_config"]["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
        for name, kind in launcher()["available_node_types"].items()
    }
    assert roles == {"head": "genre-batch-head", "cpu": "genre-batch-worker", "gpu": "genre-batch-worker"}


def test_every_node_logs_in_to_the_registry_of_the_image_before_it_pulls_it() -> None:
    config = prepare_config(launcher())
    registry = config["docker"]["image"].partition("/")[0]
    (login,) = config["initialization_commands"]
    get, _, log_in = login.partition(" | ")
    assert get == f"set -o pipefail; aws ecr get-login-password --region {config['provider']['region']}"
    assert log_in == f"docker login --username AWS --password-stdin {registry}"


def test_the_dashboard_is_not_open_to_the_network() -> None:
    (start,) = [command for command in launcher()["head_start_ray_commands"] if "ray start" in command]
    assert "--dashboard-host=127.0.0.1" in start


def test_rays_default_setup_commands_which_install_another_ray_are_off() -> None:
    config = prepare_config(launcher())
    assert config["setup_commands"] == config["head_setup_commands"] == config["worker_setup_commands"] == []
