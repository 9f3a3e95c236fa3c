"""The errors of the ClickHouse endpoint.

LakeproofError
├── QueryError    a request failed; carries ClickHouse's own code
└── StartError    the server cannot start: port, folder or engine
"""

import re

from jobs.errors import LakeproofError

SYNTAX_ERROR = 62
NOT_IMPLEMENTED = 48
BAD_ARGUMENTS = 36
UNKNOWN_SETTING = 115
READONLY = 164
CANNOT_DECOMPRESS = 271
SESSION_IS_LOCKED = 373
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _TIMEOUT, _TOO_LARGE, _NOT_BUILT = (
    400,
    403,
    404,
    408,
    413,
    501,
)
_HTTP_STATUS = {
    6: _BAD_REQUEST,
    27: _BAD_REQUEST,
    36: _BAD_REQUEST,
    38: _BAD_REQUEST,
    41: _BAD_REQUEST,
    43: _BAD_REQUEST,
    53: _BAD_REQUEST,
    62: _BAD_REQUEST,
    72: _BAD_REQUEST,
    117: _BAD_REQUEST,
    271: _BAD_REQUEST,
    16: _NOT_FOUND,
    46: _NOT_FOUND,
    47: _NOT_FOUND,
    50: _NOT_FOUND,
    56: _NOT_FOUND,
    60: _NOT_FOUND,
    73: _NOT_FOUND,
    81: _NOT_FOUND,
    115: _NOT_FOUND,
    164: _FORBIDDEN,
    497: _FORBIDDEN,
    516: _FORBIDDEN,
    159: _TIMEOUT,
    307: _TOO_LARGE,
    48: _NOT_BUILT,
}
_NAMES = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    READONLY: "READONLY",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
}
_CODE = re.compile(r"Code: (\d+)\. ")


class StartError(LakeproofError):
    """The server cannot start: its port, its folder or its engine is not to be had."""


class QueryError(LakeproofError):
    """A request failed. The text reads like a ClickHouse server's and ends with the code's name."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def http_status(self) -> int:
        """The status a ClickHouse server answers this code with."""
        return _HTTP_STATUS.get(self.code, 500)


def refusal(code: int, message: str) -> QueryError:
    """An error raised here, worded as the engine would."""
    return QueryError(code, f"Code: {code}. DB::Exception: {message} ({_NAMES[code]})")


def engine_error(text: str) -> QueryError:
    """The error an engine's message stands for; code 1002 if it names none."""
    found = _CODE.search(text)
    if found is None:
        return QueryError(UNKNOWN_EXCEPTION, text)
    return QueryError(int(found.group(1)), text[found.start() :])
