"""Every error this project raises on purpose.

LakeproofError
├── SettingsError      the environment lacks a value, or has one nobody reads
├── SpecError          a table's YAML is wrong, or its transform does not keep to it
├── ServiceDown        a service of the stack does not answer
├── StandsStill        what is waited for does not come, and nothing moves any more
├── PullFailed         a source answered what cannot be used, nothing was landed
├── GateFailed         a critical quality rule failed, nothing was published
├── LedgerError        counts or checksums of two sides of a hop differ
└── ContractBroken     a change breaks who relies on a contract, and nothing says that it may

A message says what happened, where, and what to do about it.
"""


class LakeproofError(Exception):
    """Base of the family: catch this to catch every expected failure."""


class SettingsError(LakeproofError):
    """The environment lacks a value, or holds one that nobody reads."""


class SpecError(LakeproofError):
    """A table's specification is wrong, or its transform does not keep to it."""


class ServiceDown(LakeproofError):
    """A service of the stack does not answer."""

    def __init__(self, service: str, address: str, cause: object = "no answer") -> None:
        super().__init__(
            f"{service} at {address} does not answer ({cause}). "
            f"Start it with `make up`, look at it with `make logs S={service}`, then retry."
        )
        self.service = service
        self.address = address


class StandsStill(LakeproofError):
    """What is waited for does not come, and for minutes nothing has moved that it needs."""


class PullFailed(LakeproofError):
    """A source answered what cannot be used; nothing of that pull was landed."""


class GateFailed(LakeproofError):
    """A critical quality rule failed; nothing was published."""


class LedgerError(LakeproofError):
    """Two sides of a hop differ in count or checksum."""


class ContractBroken(LakeproofError):
    """A change breaks who relies on a contract, and neither its version nor its mode allows it."""
