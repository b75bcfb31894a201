"""What is left out of Rasa's work at each message leaves its decisions as they were."""

from __future__ import annotations


def test_events_are_checked_as_the_whole_schema_would(in_rasa):
    ours, rasas = in_rasa(
        "from types import SimpleNamespace\n"
        "import jsonschema\n"
        "from rasa.core.actions.action import RemoteAction\n"
        "from bot.rasa.shortcuts import prepared_check\n"
        "schema = RemoteAction.action_response_format_spec()\n"
        "check = prepared_check(schema)\n"
        "good = {'event': 'slot', 'name': 'a', 'value': None, 'timestamp': None}\n"
        "events = [[], [good], [good, {'event': 'followup', 'name': 'x'}], [{'event': 'slot', 'name': 'a'}],\n"
        "          [{'event': 'slot', 'name': 1, 'value': 2}],\n"
        "          [{'event': 'nonsense'}], [{'event': 3}], [{'event': ['slot']}], [{}], ['slot'], 'none', None,\n"
        "          [{**good, 'timestamp': 'now'}],\n"
        "          [{'event': 'user', 'parse_data': {'entities': [{'entity': 'e'}]}}], [{'event': 'action', 'name': None}]]\n"
        "answers = [{'events': e, 'responses': []} for e in events] + [{}, [], {'events': [], 'responses': [1]}, {'responses': [{}]}]\n"
        "def passes(check, answer):\n"
        "    try:\n"
        "        check(answer)\n"
        "    except jsonschema.ValidationError:\n"
        "        return False\n"
        "    return True\n"
        "ways = (lambda a: check(None, a), lambda a: jsonschema.validate(a, schema))\n"
        "result = [[passes(way, answer) for answer in answers] for way in ways]"
    )
    assert ours == rasas
    assert True in ours
    assert False in ours


def test_the_straight_runner_gives_what_dask_gives(in_rasa):
    assert in_rasa(
        "from rasa.engine.graph import GraphSchema, SchemaNode\n"
        "from rasa.engine.runner.dask import DaskGraphRunner\n"
        "from bot.rasa.shortcuts import StraightRunner\n"
        "def node(name, needs, target=False):\n"
        "    return SchemaNode(needs=needs, uses=object, constructor_name='create', fn='run', config={}, is_target=target)\n"
        "needs = {'a': {'x': '__input__'}, 'b': {'x': 'a'}, 'c': {'x': 'a', 'y': 'b'}, 'unused': {'x': 'c'}}\n"
        "def made(kind):\n"
        "    runner = kind.__new__(kind)\n"
        "    runner._graph_schema = GraphSchema({name: node(name, n, name == 'c') for name, n in needs.items()})\n"
        "    runner._execution_context = None\n"
        "    runner._instantiated_nodes = {n: (lambda *got, n=n: (n, f'{n}({got[0][1]},{got[-1][1]})')) for n in needs}\n"
        "    return runner\n"
        "both = [made(DaskGraphRunner), made(StraightRunner)]\n"
        "runs = [[r.run(inputs={'__input__': 'i'}, targets=t) for t in (None, ['b'], ['c'])] for r in both]\n"
        "result = [runs[0] == runs[1], runs[1][0]]"
    ) == [True, {"c": "c(a(i,i),b(a(i,i),a(i,i)))"}]


def test_the_action_server_is_sent_no_earlier_answer(in_rasa):
    sent = in_rasa(
        "import json\n"
        "from rasa.core.actions.action import RemoteAction\n"
        "from rasa.shared.core.domain import Domain\n"
        "from rasa.shared.core.events import ActionExecuted, BotUttered, SlotSet, UserUttered\n"
        "from rasa.shared.core.trackers import DialogueStateTracker\n"
        "from bot.rasa.shortcuts import action_call\n"
        "domain = Domain.load('bot/domain.yml')\n"
        "greet = {'name': 'greet', 'confidence': 0.9}\n"
        "ranked = {'intent': greet, 'intent_ranking': [greet], 'text': 'chào'}\n"
        "events = [UserUttered('chào', parse_data=ranked, input_channel='rest', metadata={'as_of': '2026-05-04'}),\n"
        "          ActionExecuted('action_answer'), BotUttered('', {'custom': {'answer': 'dài'}}), SlotSet('province', 'Cà Mau')]\n"
        "tracker = DialogueStateTracker.from_events('c', events, domain.slots, domain=domain)\n"
        "result = json.loads(json.dumps(action_call(RemoteAction('action_answer', None), tracker, domain)))"
    )
    tracker = sent["tracker"]
    assert (sent["next_action"], sent["sender_id"], tracker["slots"]["province"]) == ("action_answer", "c", "Cà Mau")
    assert [(event["event"], event.get("name")) for event in tracker["events"]] == [("user", None), ("action", "action_answer")]
    assert tracker["latest_message"]["intent"] == {"name": "greet", "confidence": 0.9}
    assert tracker["latest_message"]["metadata"] == {"as_of": "2026-05-04"}
    assert "intent_ranking" not in tracker["latest_message"]
