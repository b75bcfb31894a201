"""Runs `trogiup` as programs, without importing everything anew for each: that is done once here, and every program is a fork.

Reads one JSON object a line: argv, env, stdout and stderr (paths), file_limit (bytes a file may grow to, or null). Prints the exit status.
"""

import importlib
import json
import os
import resource
import runpy
import sys
import traceback


def run(wanted):
    """In the child: becomes the program. Returns its exit status."""
    os.environ.clear()
    os.environ.update(wanted["env"])
    for path, number in ((os.devnull, 0), (wanted["stdout"], 1), (wanted["stderr"], 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), number)
    if wanted["file_limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["file_limit"], wanted["file_limit"]))
    sys.argv = ["trogiup", *wanted["argv"]]
    try:
        runpy.run_module("bot.cli", run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        return exit_.code or 0
    except BaseException:
        traceback.print_exc()
        return 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def main():
    for name in ("sentence_transformers", "scipy.sparse.linalg", "bot.commands", "bot.client", "alembic.command"):
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(run(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
