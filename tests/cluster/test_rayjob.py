"""The KubeRay file: its fields are KubeRay's, and they say what they should."""

from cluster_files import CLUSTER, ROOT, launcher, pinned, pod_specs, rayjob, service_account

from genre_batch.config import ScoreConfig, load

# the fields of KubeRay 1.6's ray.io/v1 that a file for this job may need; an API server would drop others in silence
JOB_FIELDS = {
    "activeDeadlineSeconds",
    "backoffLimit",
    "entrypoint",
    "rayClusterSpec",
    "runtimeEnvYAML",
    "shutdownAfterJobFinishes",
    "submissionMode",
    "submitterPodTemplate",
    "suspend",
    "ttlSecondsAfterFinished",
}
CLUSTER_FIELDS = {
    "authOptions",
    "autoscalerOptions",
    "enableInTreeAutoscaling",
    "headGroupSpec",
    "rayVersion",
    "workerGroupSpecs",
}
HEAD_FIELDS = {"rayStartParams", "serviceType", "template"}
WORKER_FIELDS = {
    "groupName",
    "idleTimeoutSeconds",
    "maxReplicas",
    "minReplicas",
    "rayStartParams",
    "replicas",
    "template",
}


def test_all_fields_are_kuberays() -> None:
    job = rayjob()
    cluster = job["spec"]["rayClusterSpec"]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) <= JOB_FIELDS
    assert set(cluster) <= CLUSTER_FIELDS
    assert set(cluster["headGroupSpec"]) <= HEAD_FIELDS
    for group in cluster["workerGroupSpecs"]:
        assert set(group) <= WORKER_FIELDS
        assert set(group) >= {"groupName", "minReplicas", "maxReplicas", "template"}


def test_token_authentication_is_on() -> None:
    assert rayjob()["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_the_entry_point_exists_and_its_configuration_is_valid() -> None:
    python, job, flag, config = rayjob()["spec"]["entrypoint"].split()
    assert (python, flag) == ("python", "--config")
    assert (ROOT / job).is_file()
    load(ScoreConfig, str(ROOT / config))


def test_there_is_a_cpu_group_and_a_gpu_group_that_may_be_empty() -> None:
    groups = {group["groupName"]: group for group in rayjob()["spec"]["rayClusterSpec"]["workerGroupSpecs"]}
    assert set(groups) == {"cpu", "gpu"}
    assert groups["gpu"]["minReplicas"] == groups["gpu"]["replicas"] == 0
    limits = {name: group["template"]["spec"]["containers"][0]["resources"]["limits"] for name, group in groups.items()}
    assert limits["gpu"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in limits["cpu"]
    for group in groups.values():
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_the_cluster_ends_with_the_job_and_the_head_takes_no_actors() -> None:
    spec = rayjob()["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}


def test_rays_version_is_the_pinned_one() -> None:
    assert rayjob()["spec"]["rayClusterSpec"]["rayVersion"] == pinned("ray")


def test_pods_are_not_root_and_take_their_rights_from_the_service_account() -> None:
    assert "eks.amazonaws.com/role-arn" in service_account()["metadata"]["annotations"]
    for pod in pod_specs():
        assert pod["serviceAccountName"] == service_account()["metadata"]["name"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert all(c["securityContext"]["allowPrivilegeEscalation"] is False for c in pod["containers"])


def test_all_nodes_run_the_same_image_here_and_on_ec2() -> None:
    images = {container["image"] for pod in pod_specs() for container in pod["containers"]}
    assert images == {launcher()["docker"]["image"]}
    assert f"--tag {images.pop()} ." in (CLUSTER / "README.md").read_text()
