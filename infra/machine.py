"""The machine that a measurement was made on."""

import hashlib
import platform
import time

import psutil

HASHES = 700_000


def machine() -> str:
    """Its cores, memory and system."""
    memory = psutil.virtual_memory().total / (1 << 30)
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def calibration_seconds() -> float:
    """What a fixed piece of work takes of one core: figures of two days can be compared by it.

    The core's time, not the clock's: what else runs meanwhile is no property of the machine.
    """
    started = time.process_time()
    calibrate()
    return round(time.process_time() - started, 2)


def calibrate() -> str:
    """What the work comes to: hashes of numbers, sorted and hashed. It must never change."""
    hashes = sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in range(HASHES))
    digest = hashlib.sha256()
    for position, each in enumerate(hashes):
        digest.update(f"{position} {each}".encode())
    return digest.hexdigest()
