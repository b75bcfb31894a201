"""`make bench-channels`: nothing lost, nothing said twice, in order, while the house is killed; and how long the channels take.

    .venv/bin/python -m tools.bench_channels [--messages 100000] [--answers real] [--with-rasa] [--only drill|times]

The service is an emulated Zalo Bot Platform whose pace is set free. Everything happens in homes of their own under var/bench/, on the disk
that a running office would use.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from tools.bench import ROOT, percentile, say
from tools.channels_checks import CHECKS, Found
from tools.channels_drill import Drill, Size
from tools.channels_load import ACKNOWLEDGED_PER_S, ANSWERED_PER_S, AT_ONCE, Waits, acknowledgement, answers

ACKNOWLEDGED_MS, DANGER_MS, ANSWERED_MS, LEAST_PER_S = 50.0, 300.0, 250.0, 60.0
_ANSWERS = {"light": "one sentence, by an assistant of the drill's own", "real": "the assistant's, without Rasa"}


def drill_table(drill: Drill, found: Found, mode: str) -> list[str]:
    """What was done, what it cost and what the checks say."""
    size, counts, service = drill.size, drill.counts, drill.service.counts
    told = {
        "messages": size.messages,
        "conversations": size.conversations,
        "answers": _ANSWERS[mode],
        **counts,
        "calls of the service": service["calls"],
        "429": service["429"],
        "5xx": service["5xx"],
        **dict(sorted(found.told.items())),
        "seconds": f"{drill.seconds:.0f}, {size.messages / drill.seconds:.1f} messages a second with the kills",
        "CPU a message": f"{(drill.cpu_s - drill.starting_cpu_s) * 1000 / size.messages:.1f} ms; a start {_a_start(drill):.1f} s",
    }
    lines = [f"{what:52} {value}" for what, value in told.items()]
    lines += [f"{'BAD' if found.faults[name] else 'ok '} {what}: {len(found.faults[name])}" for name, what in CHECKS.items()]
    return lines + [f"    {fault}" for name in CHECKS for fault in found.faults[name][:5]]


def _a_start(drill: Drill) -> float:
    return drill.starting_cpu_s / (1 + drill.counts["kills"])


def times_line(what: str, waits: Waits, share: float, limit: float) -> tuple[str, bool]:
    """One line, and whether the limit is kept. Who never got anything passes every limit."""
    kept = bool(waits.taken) and waits.missing == 0 and percentile(waits.taken, share) <= limit
    shares = "".join(f"{percentile(waits.taken, at):9.1f}" for at in (0.5, 0.95, 0.99, 1.0)) if waits.taken else ""
    promised = f"p{share * 100:.0f} {limit:.0f} ms"
    return (
        f"{what:52}{len(waits.taken):6}{shares}  {promised}{'' if kept else '  over'}{f', {waits.missing} never' * bool(waits.missing)}",
        kept,
    )


def run_drill(folder: Path, given: argparse.Namespace) -> tuple[list[str], bool]:
    """Part A."""
    size = Size(given.messages, given.conversations, given.kills)
    say(f"the drill, seed {given.seed}")
    drill = Drill(folder, size, given.seed, given.answers)
    found = asyncio.run(drill.run())
    return drill_table(drill, found, given.answers), not found.bad


def run_times(folder: Path, given: argparse.Namespace) -> tuple[list[str], bool]:
    """Parts B and, with Rasa, C."""
    lines = [f"{'ms':52}{'n':>6}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"]
    say("acknowledgement and danger")
    acknowledged, danger = asyncio.run(acknowledgement(folder / "times", given.answers, given.seconds))
    told = [
        times_line(f"acknowledged, {ACKNOWLEDGED_PER_S}/s", acknowledged, 0.99, ACKNOWLEDGED_MS),
        times_line("danger to the service, all others told to wait", danger, 0.99, DANGER_MS),
    ]
    if given.with_rasa:
        say("answers, with Rasa")
        full, waits = asyncio.run(answers(folder / "rasa", given.seconds))
        told.append(times_line(f"answered with Rasa, {ANSWERED_PER_S}/s", waits, 0.95, ANSWERED_MS))
        under = "" if full.per_second >= LEAST_PER_S else "  under"
        what = f"answered a second with Rasa, {AT_ONCE} wait at once"
        told.append((f"{what:52}{full.per_second:6.1f}  at least {LEAST_PER_S:.0f}{under}", not under))
        told += [(f"{f'CPU a message, {name}':52}{ms:6.1f}", True) for name, ms in full.cpu_ms.items()]
    return lines + [line for line, _ in told], all(kept for _, kept in told)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables and writes them under var/bench/; 1 when a check fails or a limit is passed."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_channels", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--conversations", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--answers", choices=("light", "real"), default="light")
    parser.add_argument("--with-rasa", action="store_true")
    parser.add_argument("--only", choices=("drill", "times"))
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    given = parser.parse_args(arguments)
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    lines, kept = [f"channels; {os.cpu_count()} cores, load of the machine {os.getloadavg()[0]:.1f}, seed {given.seed}"], True
    with tempfile.TemporaryDirectory(prefix="home-", dir=folder) as home:
        for name, part in (("drill", run_drill), ("times", run_times)):
            if given.only in (None, name):
                table, good = part(Path(home), given)
                lines, kept = [*lines, "", *table], kept and good
    print(text := "\n".join(lines))
    (folder / "bench_channels.txt").write_text(text + "\n", "utf-8")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
