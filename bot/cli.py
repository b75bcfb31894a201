"""`trogiup`: every command of the contract. Exit status: 0 done, 1 the thing asked for failed, 2 wrong use. Errors are one line."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from bot.settings import Settings
from knowledge.errors import SettingsError, TrogiupError

ROOT = Path(__file__).parent.parent
_ROLES = ("collaborator", "editor", "approver", "duty_officer", "administrator")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    arguments = parser().parse_args(argv)
    _quiet_libraries(arguments.verbose)
    try:
        settings = Settings.load(os.environ, ROOT)
        module, _, name = arguments.run.rpartition(".")
        commands = importlib.import_module(f"bot.{module or 'commands'}")  # late: --help and wrong use need none of it
        run: Callable[[Settings, argparse.Namespace], int] = getattr(commands, name)
        return run(_with_address(settings, arguments), arguments)
    except SettingsError as error:
        return _failed(error.advice, 2)
    except TrogiupError as error:
        return _failed(error.advice, 1)
    except KeyboardInterrupt:
        return _failed("Stopped.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _failed(f"{error.strerror or 'The system refused'}{where}. Check space and rights.", 1)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="trogiup", description="Trợ Giúp: answers about social assistance in the documents' own words.")
    top.add_argument("-v", "--verbose", action="store_true", help="log what happens (ids only, never what somebody wrote)")
    commands_ = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: str, help_: str) -> argparse.ArgumentParser:
        made = commands_.add_parser(name, help=help_, description=help_)
        made.set_defaults(run=run)
        return made

    serve = add("serve", "serve", "start the service and keep its parts alive")
    serve.add_argument("--host", help="address to listen on (TROGIUP_HOST)")
    serve.add_argument("--port", type=int, help="port to listen on (TROGIUP_PORT)")
    serve.add_argument("--without-rasa", action="store_true", help="answer by the actions directly")

    ask = add("ask", "ask", "ask one question, or a batch of them")
    ask.add_argument("question", nargs="?")
    ask.add_argument("--batch", type=Path, metavar="FILE.jsonl", help='lines of {"id", "question", "history"?}')
    _scope(ask)
    ask.add_argument("--json", action="store_true", help="print the answer object")

    add("chat", "chat", "a conversation in the terminal")

    ingest = add("ingest", "ingest", "read files or folders into the knowledge base")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.add_argument("--publish", action="store_true", help="publish at once and rebuild the index")
    ingest.add_argument("--json", action="store_true", help="one object a line a document, nothing else")

    docs = add("docs", "docs_list", "the knowledge base").add_subparsers(metavar="ACTION", required=True)
    for name, run, help_, takes in (
        ("list", "docs_list", "all documents", ()),
        ("show", "docs_show", "one document", ("id",)),
        ("publish", "docs_publish", "publish the latest version", ("id",)),
        ("retire", "docs_retire", "take out of the answers", ("id",)),
        ("history", "docs_history", "what was done, and when", ("id",)),
        ("rollback", "docs_rollback", "publish an older version again", ("id", "version")),
    ):
        action = docs.add_parser(name, help=help_, description=help_)
        action.set_defaults(run=run)
        for argument in takes:
            action.add_argument(argument, type=int if argument == "version" else str)
        if name == "show":
            action.add_argument("--text", action="store_true", help="print the NFC text that spans count in")
        if name in ("list", "show"):
            action.add_argument("--json", action="store_true")

    index = add("index", "index_info", "the index snapshot").add_subparsers(metavar="ACTION", required=True)
    for name, run, help_ in (
        ("build", "index_build", "build a new snapshot and swap it in"),
        ("info", "index_info", "what the snapshot in use is made of"),
        ("verify", "index_verify", "find any damage"),
    ):
        index.add_parser(name, help=help_, description=help_).set_defaults(run=run)

    search = add("search", "search", "passages, for collaborators")
    search.add_argument("words")
    _scope(search)
    search.add_argument("-k", type=int, default=10, help="how many (1 to 50)")
    search.add_argument("--json", action="store_true")

    evaluate = add("eval", "evaluate", "score the assistant on gold sets, or compare two runs: eval compare OLD NEW --gold GOLD.jsonl")
    evaluate.add_argument("files", nargs="+", type=Path, metavar="GOLD.jsonl", help="or: compare, and two files that --answers kept")
    evaluate.add_argument("--misses", action="store_true", help="list what fell short, and why")
    evaluate.add_argument("--reliability", action="store_true", help="how well the probability of being answerable is calibrated")
    evaluate.add_argument("--gold", type=Path, metavar="GOLD.jsonl", help="what to compare on")
    evaluate.add_argument("--answers", type=Path, metavar="FILE", help="keep the answers in FILE")
    evaluate.add_argument("--without-rasa", action="store_true", help="by the actions directly")
    evaluate.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD")

    _cases(add("cases", "commands_cases.list_", "cases opened for the person on duty").add_subparsers(metavar="ACTION", required=True))
    _accounts(add("accounts", "commands_accounts.list_", "who may sign in, and as what").add_subparsers(metavar="ACTION", required=True))
    _channels(add("channels", "commands_channels.list_", "the apps that people write from").add_subparsers(metavar="ACTION", required=True))

    add("doctor", "doctor", "check installation and configuration, and say what to do")
    return top


def _cases(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, run, help_ in (
        ("list", "list_", "open cases, the most pressing first"),
        ("show", "show", "one case with what was written"),
        ("close", "close", "close a case with its outcome"),
        ("export", "export", "all that is known of a case, as JSON; written down as an event"),
        ("erase", "erase", "erase what a closed case holds of the person; its number, times and events stay"),
    ):
        action = actions.add_parser(name, help=help_, description=help_)
        action.set_defaults(run=f"commands_cases.{run}")
        if name == "list":
            action.add_argument("--all", action="store_true", help="closed ones too")
        else:
            action.add_argument("id")
        if name == "close":
            action.add_argument("outcome")
        if name == "erase":
            action.add_argument("--yes", action="store_true", help="do not ask for the id again")


def _accounts(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, run, help_ in (
        ("add", "add", "a new account; asks for a password, or prints one for the first log-in"),
        ("list", "list_", "all accounts with their roles"),
        ("disable", "disable", "end its sessions and let nobody in any more"),
        ("reset-password", "reset_password", "a new password, asked for or printed"),
        ("reset-totp", "reset_totp", "take the second factor off, for a lost telephone"),
        ("link-telegram", "link_telegram", "an officer answers cases from Telegram; the bot tells the number that somebody has there"),
    ):
        action = actions.add_parser(name, help=help_, description=help_)
        action.set_defaults(run=f"commands_accounts.{run}")
        if name != "list":
            action.add_argument("name", metavar="NAME", help="the user name")
        if name == "link-telegram":
            action.add_argument("number", metavar="TELEGRAM_ID", help="as the bot answers to /lienket; none: the link is taken away")
        if name == "add":
            action.add_argument("--role", action="append", required=True, metavar="R", help=f"one of {', '.join(_ROLES)}; may be repeated")
            action.add_argument("--display-name", metavar="NAME", help="how colleagues know the person (the user name)")


def _channels(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, run, help_ in (
        ("list", "list_", "what waits, what could not be sent, and the tokens, by channel"),
        ("dead", "dead", "messages that could not be sent, the newest first; or decide on one"),
    ):
        action = actions.add_parser(name, help=help_, description=help_)
        action.set_defaults(run=f"commands_channels.{run}")
        if name == "dead":
            one = action.add_mutually_exclusive_group()
            one.add_argument("--again", type=int, metavar="ID", help="send it once more")
            one.add_argument("--drop", type=int, metavar="ID", help="do not send it, and forget its words")
            action.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    setup = actions.add_parser("setup", help="connect an app", description="connect an app: asks, tries it, keeps the secrets")
    setup.set_defaults(run="commands_channels_setup.setup")
    setup.add_argument("channel", choices=("telegram", "zalo-oa", "zalo-bot"))
    setup.add_argument("--address", metavar="URL", help="the public https address of this service")
    setup.add_argument("--polling", action="store_true", help="no webhook: the service asks for its messages")
    setup.add_argument("--yes", action="store_true", help="ask nothing: take what is set")


def _scope(made: argparse.ArgumentParser) -> None:
    made.add_argument("--province", help="the province that is meant")
    made.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="the day that is asked for (today)")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a day: write YYYY-MM-DD") from error


def _with_address(settings: Settings, arguments: argparse.Namespace) -> Settings:
    host, port = getattr(arguments, "host", None), getattr(arguments, "port", None)
    if port is not None and not 0 < port < 65536:
        raise SettingsError(f"{port} is no port: give one from 1 to 65535.")
    return replace(settings, host=host or settings.host, port=port or settings.port)


def _failed(advice: str, status: int) -> int:
    print(" ".join(advice.split()), file=sys.stderr)
    return status


def _quiet_libraries(verbose: bool) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for name in ("httpx", "httpcore", "sentence_transformers", "transformers", "faiss", "asyncio", "rasa_sdk"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("bm25s").disabled = True  # it sets its own level when it is imported


if __name__ == "__main__":
    sys.exit(main())
