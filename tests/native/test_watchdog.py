"""Who is silent for long is killed, once; who cannot be asked about, or just started, is not."""

from infra.native.watchdog import LOOKS, SILENT_SECONDS, STARTING_SECONDS, Watchdog

SILENT, LIVELY, OLD = SILENT_SECONDS + 1.0, 1.0, STARTING_SECONDS + 1.0


class Machine:
    """Services as the watchdog sees them, and whom it killed."""

    def __init__(self) -> None:
        self.beats = {"scheduler": LIVELY, "stream": LIVELY}
        self.ages = {"scheduler": OLD, "stream": OLD}
        self.killed: list[tuple[str, float]] = []
        self.watchdog = Watchdog(
            lambda: self.beats, lambda: self.ages, lambda *told: self.killed.append(told)
        )

    def look(self, times: int) -> None:
        for _ in range(times):
            self.watchdog.look()


def test_a_silent_service_is_killed_at_the_last_look_and_only_once() -> None:
    machine = Machine()
    machine.beats["scheduler"] = SILENT
    machine.look(LOOKS - 1)
    assert machine.killed == []
    machine.look(10)
    assert machine.killed == [("scheduler", SILENT)]


def test_a_sign_of_life_in_between_begins_the_count_again() -> None:
    machine = Machine()
    machine.beats["scheduler"] = SILENT
    machine.look(LOOKS - 1)
    machine.beats["scheduler"] = LIVELY
    machine.look(1)
    machine.beats["scheduler"] = SILENT
    machine.look(LOOKS - 1)
    assert machine.killed == []
    machine.look(1)
    assert machine.killed == [("scheduler", SILENT)]


def test_one_that_was_just_started_or_does_not_run_is_left_alone() -> None:
    machine = Machine()
    machine.beats = {"scheduler": SILENT, "stream": SILENT}
    machine.ages = {"scheduler": STARTING_SECONDS - 1.0}
    machine.look(10 * LOOKS)
    assert machine.killed == []


def test_one_that_cannot_be_asked_about_is_not_silent() -> None:
    machine = Machine()
    machine.beats["scheduler"] = SILENT
    machine.look(LOOKS - 1)
    machine.beats = {}
    machine.look(LOOKS)
    machine.beats = {"scheduler": SILENT}
    machine.look(LOOKS - 1)
    assert machine.killed == []
