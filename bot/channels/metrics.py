"""What the channels have done, for /metrics: by channel, never by person."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class ChannelMetrics:
    """Counters with the label `channel`, in a registry of their own, which can be registered in another."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("received", "Events taken in for the first time")
        self.duplicates = self._counter("duplicates", "Events that had been taken in before")
        self.spilled = self._counter("spilled", "Events that the database did not take in time")
        self.failed = self._counter("failed", "Events that could not be worked")
        self.skipped = self._counter("skipped", "Events of floods that were left out")
        self.sent = self._counter("sent", "Messages that arrived")
        self.later = self._counter("later", "Attempts that the service put off")
        self.uncertain = self._counter("uncertain", "Attempts whose outcome is not known")
        self.dead = self._counter("dead", "Messages that will not be sent by themselves any more")

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(f"trogiup_channel_{name}_total", what, ["channel"], registry=self.registry)
