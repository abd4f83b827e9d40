"""The listening socket. What is set here, every accepted connection inherits (Linux)."""

import socket

KERNEL_SEND_BUFFER = 32 * 1024


def listening_socket(
    host: str, port: int, heartbeat_seconds: float, *, is_shared: bool = False
) -> socket.socket:
    """Bound, not yet listening; OSError when the port is taken. `is_shared`: other processes of
    the same user may bind it too, and the kernel deals the connections out among them."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_SEND_BUFFER)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A peer that acknowledges nothing for two heartbeats is gone.
    patience = int(max(heartbeat_seconds * 2, 5) * 1000)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
    bound.setblocking(False)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
