"""What a proof prints, as the page gets it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec

from console.proofs import ProofRuns, Proofs, Running

LONG = 200_000


def printed(program: str) -> Running:
    """The proof whose process runs the program, after its end."""

    async def watched() -> Running:
        running = Running("a-proof")
        process = await create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
        await Proofs()._read(running, process)
        return running

    return asyncio.run(watched())


def test_a_line_may_be_of_any_length() -> None:
    running = printed(f"print('x' * {LONG}); print('end')")
    assert [len(line) for line in running.lines] == [LONG, 3]
    assert running.verdict == "proven"


def test_a_last_line_without_an_end_and_an_empty_one_are_lines() -> None:
    assert printed("print('a\\n\\nb', end='')").lines == ["a", "", "b"]


def test_what_is_no_text_is_shown_as_far_as_it_is() -> None:
    running = printed("import sys; sys.stdout.buffer.write(b'a\\xff\\n'); sys.exit(3)")
    assert running.lines == ["a�"]
    assert running.verdict == "broken"


def test_of_two_that_are_started_at_once_one_is_refused() -> None:
    async def started() -> list[Running | BaseException]:
        proofs = Proofs()
        both = (proofs.start("no-such-answer"), proofs.start("nor-this-one"))
        found = await asyncio.gather(*both, return_exceptions=True)
        await proofs.stop()
        return found

    assert [type(each) for each in asyncio.run(started())] == [Running, ProofRuns]
