"""Who else may use the cluster: Ray runs the code of everybody who reaches it, unless it asks for a token."""

import sys
from collections.abc import Iterable
from ipaddress import ip_address

import ray

_QUESTION = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_ANSWERS_WITHIN_S = 5.0
_WARNING = (
    "warning: this Ray cluster asks for no token: whoever reaches it over the network can run code on it\n"
    "hint: start it with RAY_AUTH_MODE=token; cluster/README.md tells how\n"
)


def warn_if_open_to_others() -> None:
    """Say on stderr where anybody on another machine could run code on the cluster. Ray must be connected."""
    addresses = [str(node["NodeManagerAddress"]) for node in ray.nodes()]  # type: ignore[no-untyped-call]
    if reachable_from_elsewhere(addresses) and answers_without_token(ray.get_runtime_context().gcs_address):
        sys.stderr.write(_WARNING)


def reachable_from_elsewhere(addresses: Iterable[str]) -> bool:
    """Whether one of the `addresses` of a cluster's nodes is not a loopback one; a name that is no address counts."""
    return any(not _is_loopback(address) for address in addresses)


def answers_without_token(gcs_address: str) -> bool:
    """Whether the cluster's control store answers a question without a token; no answer at all counts as no.

    This process's own settings do not tell: a client that sends a token is welcome on an open cluster too.
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
