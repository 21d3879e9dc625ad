"""Refuses every connection that would leave this machine, from the first import to the last test."""

import ipaddress
import socket
import sys
from collections.abc import Callable
from typing import Any

_LOCAL_NAMES = frozenset({None, "", "localhost", "localhost."})


class OutsideWorldError(RuntimeError):
    """A test tried to reach another machine; not an OSError, which a retry would take for a fault."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("idna")
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _check_address(_sock: socket.socket, address: object) -> None:
    # An address is a tuple for the internet families alone; a unix socket's is a path.
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise OutsideWorldError(f"tests reach loopback only, not {address[0]}:{address[1]}")


def _check_name(host: object, *_rest: object) -> None:
    if not _is_local(host):
        raise OutsideWorldError(f"tests resolve loopback names only, not {host!r}")


_CHECKS: dict[str, Callable[..., None]] = {
    "socket.connect": _check_address,
    "socket.sendto": _check_address,
    "socket.getaddrinfo": _check_name,
    "socket.gethostbyname": _check_name,
}


def _refuse_the_outside(event: str, args: tuple[Any, ...]) -> None:
    check = _CHECKS.get(event)
    if check is not None:
        check(*args)


# An audit hook sees every socket Python opens, whatever library opens it; it cannot be taken out again.
sys.addaudithook(_refuse_the_outside)
