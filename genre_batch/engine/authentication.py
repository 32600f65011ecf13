"""Whether others can use the cluster: Ray runs code for anyone who reaches it, unless it requires a token."""

import sys
from collections.abc import Iterable
from ipaddress import ip_address

import ray

_QUESTION = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_ANSWERS_WITHIN_S = 5.0
_WARNING = (
    "warning: this Ray cluster requires no token: anyone who reaches it over the network can run code on it\n"
    "hint: start it with RAY_AUTH_MODE=token; see cluster/README.md\n"
)


def warn_if_open_to_others() -> None:
    """Warn on stderr if anyone on another machine could run code on the cluster. Ray must be connected."""
    addresses = [str(node["NodeManagerAddress"]) for node in ray.nodes()]  # type: ignore[no-untyped-call]
    if reachable_from_elsewhere(addresses) and answers_without_token(ray.get_runtime_context().gcs_address):
        sys.stderr.write(_WARNING)


def reachable_from_elsewhere(addresses: Iterable[str]) -> bool:
    """Whether any of the `addresses` of a cluster's nodes is not a loopback address; a host name counts as one."""
    return any(not _is_loopback(address) for address in addresses)


def answers_without_token(gcs_address: str) -> bool:
    """Whether the cluster's control store answers a request without a token; no answer at all counts as no.

    This process's own settings do not show it: an open cluster also accepts clients that send a token.
    """
    import grpc

    with grpc.insecure_channel(gcs_address) as channel:
        ask = channel.unary_unary(_QUESTION, request_serializer=None, response_deserializer=None)
        try:
            ask(b"", timeout=_ANSWERS_WITHIN_S)
        except grpc.RpcError:
            return False
    return True


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
