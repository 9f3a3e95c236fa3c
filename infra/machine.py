"""The machine that a measurement was made on."""

import platform

import psutil


def machine() -> str:
    """Its cores, memory and system."""
    memory = psutil.virtual_memory().total / (1 << 30)
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"
