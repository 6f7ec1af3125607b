"""Ports on loopback for processes that are told theirs long before they listen.

One that the kernel gives out (a bind to 0) may be another's by then: a process takes seconds to start, and the other test
processes ask for thousands. These lie where neither the kernel nor an embedded PostgreSQL takes any, and stay claimed until
this process ends, by a socket of UDP, whose ports are not TCP's.
"""

import secrets
import socket

# Below those that embedded PostgreSQLs draw from (15,433 on), and those of outgoing connections (on Linux 32,768 on).
_PORTS = range(10_240, 15_360)
_TRIES = 1000
_claims: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that no other test process is given."""
    return [_claimed() for _ in range(count)]


def free_port() -> int:
    """One of them."""
    return _claimed()


def _claimed() -> int:
    for _ in range(_TRIES):
        port = secrets.choice(_PORTS)
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
        else:
            _claims.append(claim)
            return port
    raise RuntimeError("no port of loopback is free")
