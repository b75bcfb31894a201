"""A pytest plugin, `-p tools.require_all_tests`: a skipped test fails the run. CI has all that tests want, so a skip there is a hole."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turns a passed run with skipped tests into a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = len(reporter.stats.get("skipped", []))
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"TROGIUP_REQUIRE_ALL_TESTS: {skipped} tests were skipped, and none may be.", red=True)
