"""The RayJob has the intended values."""

from cluster_files import CLUSTER, ROOT, launcher, pinned, pod_specs, rayjob, service_account

from genre_batch.config import ScoreConfig, load


def test_token_authentication_is_on() -> None:
    assert rayjob()["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_the_entry_point_exists_and_its_configuration_is_valid() -> None:
    python, job, flag, config = rayjob()["spec"]["entrypoint"].split()
    assert (python, flag) == ("python", "--config")
    assert (ROOT / job).is_file()
    load(ScoreConfig, str(ROOT / config))


def test_there_is_a_cpu_group_and_an_optional_gpu_group() -> None:
    groups = {group["groupName"]: group for group in rayjob()["spec"]["rayClusterSpec"]["workerGroupSpecs"]}
    assert set(groups) == {"cpu", "gpu"}
    assert groups["gpu"]["minReplicas"] == groups["gpu"]["replicas"] == 0
    limits = {name: group["template"]["spec"]["containers"][0]["resources"]["limits"] for name, group in groups.items()}
    assert limits["gpu"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in limits["cpu"]
    for group in groups.values():
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_the_cluster_ends_with_the_job_and_no_actors_run_on_the_head() -> None:
    spec = rayjob()["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}


def test_rays_version_is_the_pinned_one() -> None:
    assert rayjob()["spec"]["rayClusterSpec"]["rayVersion"] == pinned("ray")


def test_pods_do_not_run_as_root_and_get_permissions_from_the_service_account() -> None:
    assert "eks.amazonaws.com/role-arn" in service_account()["metadata"]["annotations"]
    for pod in pod_specs():
        assert pod["serviceAccountName"] == service_account()["metadata"]["name"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert all(c["securityContext"]["allowPrivilegeEscalation"] is False for c in pod["containers"])


def test_nodes_run_the_image_of_their_kind() -> None:
    images = [container["image"] for pod in pod_specs() for container in pod["containers"]]
    cpu = launcher()["docker"]["image"].rpartition("/")[2]
    cuda = f"{cpu}-cuda"
    assert images == [cpu, cpu, cuda]
    page = (CLUSTER / "README.md").read_text()
    assert f"--target cpu --tag {cpu} ." in page
    assert f"--target cuda --tag {cuda} ." in page
