"""`python -m infra.docker.prepare`: in a container, what the platform expects in its services.

From outside, the connector would be told addresses that only the host can reach.
"""

from infra.native.up import after_healthy
from jobs.settings import load_settings

if __name__ == "__main__":
    after_healthy(load_settings())
