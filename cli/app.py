"""The commands, and the one place where their errors become messages and exit codes."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from types import TracebackType
from typing import Annotated

import typer

from medsyngen.errors import MedsyngenError
from medsyngen.version import __version__

from . import (
    audit,
    bench,
    console,
    demo,
    evaluate,
    export,
    fit,
    init,
    inspect,
    ledger,
    phantoms,
    plan,
    recipes,
    report,
    verify,
)

INTERNAL = 1
INTERRUPTED = 130

EPILOG = (
    "Exit codes: 0 ok, 1 internal error, 2 usage or recipe, 3 scans unusable, 4 too many scans skipped, "
    "5 privacy budget refused, 6 release gate refused, 7 verification failed, 130 interrupted."
)

app = typer.Typer(
    name="medsyngen",
    help="Turns a folder of private scans into a synthetic cohort with patient-level differential privacy, "
    "and a report that a reviewer can check.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    # Typer's own tracebacks can show the values of variables: pixels, names, paths.
    pretty_exceptions_enable=False,
    # Plain help: the same in a terminal, a log and a screen reader.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command()(demo.demo)
app.command()(inspect.inspect)
app.command()(recipes.recipes)
app.command()(init.init)
app.command()(plan.plan)
app.command()(audit.audit)
app.add_typer(phantoms.app, name="phantoms")
app.command()(fit.fit)
app.command()(export.export)
app.command()(report.report)
app.command()(evaluate.evaluate)
app.command()(verify.verify)
app.add_typer(ledger.app, name="ledger")
app.add_typer(bench.app, name="bench")


def _show_version(value: bool) -> None:
    if value:
        console.Console().say(f"medsyngen {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Prints the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Shows where an internal error came from; that text may name private files."),
    ] = False,
) -> None:
    from medsyngen.parallel import rank_here

    if rank_here() and context.invoked_subcommand not in ("fit", "export"):
        raise typer.Exit  # under torchrun these two are shared; of any other command one copy is enough
    if debug:
        sys.excepthook = _show_all
        return
    # Libraries put what they read into warnings and logs (pydicom: values of headers), so those stay silent.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def main() -> None:
    """Runs the command line; ends the process with an exit code of the list in ``--help``."""
    sys.excepthook = _show_little
    console.print_what_the_terminal_can()
    try:
        # Not app(): that puts Typer's own hook, which prints everything, in the place of the one above.
        typer.main.get_command(app)(prog_name="medsyngen")
    except MedsyngenError as error:
        console.Console(machine=True).error(error.what, error.details, error.do)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _interrupted()
        raise


def _interrupted() -> None:
    # A second Ctrl-C must not turn this into a traceback.
    console.Console(machine=True).error(
        "interrupted", do="run the same command again: it goes on where it can; steps charged so far stay charged"
    )
    sys.exit(INTERRUPTED)


def _show_little(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Reports an unforeseen error without its text, which may hold private values; Python then exits with 1."""
    ours = [
        f"{frame.f_globals['__name__']}, line {line}"
        for frame, line in traceback.walk_tb(trace)
        if str(frame.f_globals.get("__name__")).partition(".")[0] in ("medsyngen", "cli")
    ]
    console.Console(machine=True).error(
        f"internal error: {kind.__name__}{f' in {ours[-1]}' if ours else ''}",
        do="put --debug right behind `medsyngen` to see the traceback; it may name private files, so look before you "
        "pass it on",
    )


def _show_all(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints the traceback: lines of code and the error's text, no values of variables."""
    console.Console(machine=True).say(
        "The text below may hold private values (names of files, values of headers): look before you pass it on."
    )
    lines = traceback.TracebackException(kind, error, trace, capture_locals=False).format()
    console.Console(machine=True).say("".join(lines).rstrip())
