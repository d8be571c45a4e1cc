# SPDX-License-Identifier: Apache-2.0
# An XMPP server: a process on free ports of the loopback interface, with a certificate.

import os
import resource
import socket

from .process import Process

#: Bound, and never listened on: the kernel gives their ports to nobody else for as long as the tests run, and a server
#: can listen there, which sets SO_REUSEADDR.
_reserved = []


def free_ports(count):
    """Ports that are this process's until it ends, for servers that it starts, also again."""
    sockets = [socket.socket() for _ in range(count)]
    _reserved.extend(sockets)
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", 0))
    return [each.getsockname()[1] for each in sockets]


class Server(Process):
    """What every kind of server shares. A kind says how it is configured, too."""

    domain = "localhost"
    anonymous_domain = "anonymous.localhost"
    host = "127.0.0.1"
    #: False for a server that makes its own certificate, which clients then cannot verify.
    certificate_is_known = True

    def __init__(self, directory, certificate):
        super().__init__(directory)
        self.certificate = certificate
        #: STARTTLS offered; STARTTLS demanded; TLS from the first byte.
        self.port, self.required_port, self.direct_port = free_ports(3)
        self._account_count = 0

    def next_account_number(self):
        self._account_count += 1
        return self._account_count

    def memory_byte_count(self):
        """The memory that the process has resident (proc(5))."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def descriptor_count(self):
        """How many descriptors the process has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def limit_files(self, byte_count):
        """Lets no file grow beyond that any more, as if the disk were full; None for a disk with room again."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (hard if byte_count is None else byte_count, hard))
