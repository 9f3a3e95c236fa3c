"""Settings of a platform of which nothing runs."""

from dataclasses import fields

import pytest

from infra.native import keys
from infra.native.command import free_port
from jobs.settings import Settings, settings_from


@pytest.fixture
def nothing_runs() -> Settings:
    """Every service at a port that is closed; the instance was never started."""
    values = keys.new_values(0)
    names = {field.name.upper() for field in fields(Settings)}
    for name, port in keys.ports(values).items():
        if name in names:
            values[name] = values[name].replace(str(port), str(free_port()))
    return settings_from({**values, "INSTANCE": "never-started"})
