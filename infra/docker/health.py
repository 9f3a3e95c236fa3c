"""`python -m infra.docker.health <service>`: a container's own check, that of the native runtime.

`... health port <number>` asks only whether something listens, for what is too dear to ask often.
"""

import socket
import sys

from infra.native.health import CHECKS
from jobs.errors import LakeproofError
from jobs.settings import load_settings


def main(service: str, *port: str) -> int:
    """The exit code: 0 if the service of this container answers, 1 with what is wrong if not."""
    try:
        if service == "port":
            # By name: some services listen on the container's address, not on its loopback.
            socket.create_connection((socket.gethostname(), int(port[0])), timeout=5).close()
        else:
            CHECKS[service](load_settings())
    except (LakeproofError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
