"""What Rasa 3.6.21 does at every message and need not: done once here, or left out. `take_all` before the server starts.

The parts of Rasa are replaced from outside, as its last release will not change any more; nothing of what it decides is different, and
what the action server answers is still checked. Measured in docs/decisions/0021-speed.md.
"""

from __future__ import annotations

import gc
from functools import cache, partial
from graphlib import TopologicalSorter
from types import SimpleNamespace
from typing import Any

import aiohttp
import rasa
import rasa.core.policies.rule_policy
import rasa.core.processor
import rasa.core.run
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.engine.graph import GraphNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, UserUttered
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.utils.endpoints import EndpointConfig


def take_all() -> None:
    """All of them but the endpoint, which is handed to the server (`KeptEndpoint`)."""
    RemoteAction._validate_action_result = prepared_check(RemoteAction.action_response_format_spec())
    RemoteAction._action_call_format = action_call
    Event.resolve_by_type = staticmethod(cache(Event.resolve_by_type))  # else it walks over all classes for each event
    rasa.core.processor.DaskGraphRunner = StraightRunner
    rasa.core.run.load_agent_on_start = partial(_loaded_and_frozen, rasa.core.run.load_agent_on_start)
    Slot.__copy__ = _copied  # slots are copied some hundred times a message, and copy.copy() goes a long way round
    # Both copy whole states and events deeply for lines of the debug log, whether or not those are written; for nothing else.
    uncopied = SimpleNamespace(deepcopy=lambda value: value)
    rasa.core.processor.copy = rasa.core.policies.rule_policy.copy = uncopied


def _copied(slot: Slot) -> Slot:
    same = object.__new__(type(slot))
    same.__dict__.update(slot.__dict__)
    return same


async def _loaded_and_frozen(load: Any, *arguments: Any) -> Any:
    """What is loaded stays for good: no collection of garbage has to look through it again."""
    agent = await load(*arguments)
    gc.collect()
    gc.freeze()
    return agent


def prepared_check(schema: dict[str, Any]) -> Any:
    """A method for RemoteAction that checks what the action server answered, by the same schema as before.

    Rasa calls jsonschema.validate(), which checks the schema itself first, at every message; and an event is held against each of the 23
    kinds of events (`oneOf`), though its name says which it can be. Raises jsonschema.ValidationError.
    """
    events = schema["properties"]["events"]
    kinds = events["items"]["oneOf"]
    common = {key: value for key, value in events["items"].items() if key != "oneOf"}
    whole = _validator({**schema, "properties": {**schema["properties"], "events": {**events, "items": {}}}})
    by_kind = {kind["properties"]["event"]["const"]: _validator({**common, "allOf": [kind]}) for kind in kinds}
    any_kind = _validator(events["items"])

    def validate(self: RemoteAction, result: dict[str, Any]) -> bool:
        whole.validate(result)
        for event in result.get("events", ()):
            name = event.get("event") if isinstance(event, dict) else None
            by_kind.get(name if isinstance(name, str) else "", any_kind).validate(event)
        return True

    return validate


def _validator(schema: dict[str, Any]) -> Any:
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def action_call(self: RemoteAction, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
    """What the action server is sent: the slots, the last message, and of earlier turns who said and did what, in order.

    No earlier answer travels back to where it came from, and of the intents only the one that was chosen. No action wants the domain.
    """
    state = tracker.current_state(EventVerbosity.NONE)
    state["latest_message"] = {key: value for key, value in (state["latest_message"] or {}).items() if key != "intent_ranking"}
    state["events"] = [_brief(event) for event in tracker.events if isinstance(event, UserUttered | ActionExecuted)]
    return {"next_action": self.name(), "sender_id": tracker.sender_id, "tracker": state, "version": rasa.__version__}


def _brief(event: UserUttered | ActionExecuted) -> dict[str, Any]:
    named = {"text": event.text} if isinstance(event, UserUttered) else {"name": event.action_name}
    return {"event": event.type_name, "timestamp": event.timestamp, **named}


class StraightRunner(DaskGraphRunner):  # type: ignore[misc]  # Rasa is not there when types are checked
    """Runs the nodes of Rasa's graph one after the other, in an order that is worked out once. Dask plans it anew each time."""

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """As DaskGraphRunner.run: the outputs of `targets`."""
        wanted = tuple(targets or self._graph_schema.target_names)
        plans: dict[tuple[str, ...], list[tuple[str, GraphNode, list[str]]]] = self.__dict__.setdefault("_plans", {})
        if wanted not in plans:
            plans[wanted] = self._planned(wanted)
        done = {name: (name, value) for name, value in (inputs or {}).items()}
        for name, node, needs in plans[wanted]:
            done[name] = node(*(done[need] for need in needs))
        return dict(done[name] for name in wanted)

    def _planned(self, wanted: tuple[str, ...]) -> list[tuple[str, GraphNode, list[str]]]:
        nodes = self._graph_schema.minimal_graph_schema(list(wanted)).nodes
        order = TopologicalSorter({name: node.needs.values() for name, node in nodes.items()}).static_order()
        return [(name, self._instantiated_nodes[name], list(nodes[name].needs.values())) for name in order if name in nodes]


class KeptEndpoint(EndpointConfig):  # type: ignore[misc]
    """The action server, over connections that stay open. Rasa opens one for each call."""

    _kept: aiohttp.ClientSession | None = None

    @classmethod
    def like(cls, endpoint: EndpointConfig) -> KeptEndpoint:
        """The same address, token and settings."""
        own = cls(endpoint.url)
        own.__dict__.update(endpoint.__dict__)
        return own

    def session(self) -> Any:
        """A session that outlives the `async with` around each request."""
        if self._kept is None or self._kept.closed:
            self._kept = super().session()
        return _Lent(self._kept)


class _Lent:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __aenter__(self) -> aiohttp.ClientSession:
        return self._session

    async def __aexit__(self, *_: object) -> None:
        """The session stays open until the process ends."""
