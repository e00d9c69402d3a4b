"""The server of the page, without access to anything else."""

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from .corpus import MAX_SIZE
from .feedback import Feedback
from .hub_feedback import hub_feedback
from .model_session import ModelSession, open_model
from .page import build_page
from .prediction_log import PredictionLog
from .request_limits import MAX_BODY, BodySizeLimit

MAX_WAITING = 32
# Visitors whose last predictions are stored; each takes about 100 kB.
MAX_SESSIONS = 200
# Local fonts, so that none is downloaded.
FONT = ["system-ui", "sans-serif"]
# The announcement for screen readers after an event; gradio lacks the text of this key.
TRANSLATIONS = {"common.complete": "Done."}
CSS = """
footer { display: none !important; }
.score strong { font-size: 1.6em; }
.score .scale {
    height: 0.5em; margin-top: 0.4em; border-radius: 0.25em;
    background: var(--border-color-primary);
}
.score .scale div { height: 100%; border-radius: 0.25em; background: var(--color-accent); }
"""


@dataclass
class AppOptions:
    """The options of the app.

    Attributes:
        model: a folder or a Hub repository.
        revision: the repository's branch, tag or commit.
        title: the model's name on the page; by default that of the folder or repository.
        feedback: the folder of corrections; None to collect none.
        feedback_repo: a Hub dataset that the corrections are also committed to.
        feedback_public: whether that dataset is public.
        max_rows: the maximum number of rows of a corpus.
        host: the address to listen on; by default only this machine's.
        port: the port; by default the first free one from 7860.
        trust_remote_code: run the model's own Python code; otherwise the installed project's code
            loads the model.
    """

    model: str
    revision: str | None = None
    title: str | None = None
    feedback: Path | None = None
    feedback_repo: str | None = None
    feedback_public: bool = False
    max_rows: int = 2000
    host: str | None = None
    port: int | None = None
    trust_remote_code: bool = False


def serve(
    options: AppOptions, open_log: Callable[[ModelSession], PredictionLog] | None = None
) -> None:
    """Load the model and serve its page until the process is interrupted or terminated.

    Args:
        options: of the page.
        open_log: opens a log of predictions for monitoring; None to keep none.

    Raises:
        UserError: if the model cannot be loaded or the Hub dataset cannot be used.
        OSError: if the port is taken.
    """
    session = open_model(options.model, options.revision, options.title, options.trust_remote_code)
    folder, repo, feedback = options.feedback, options.feedback_repo, None
    if folder is not None and repo is not None:
        facts = {"model": session.title, "revision": session.revision}
        feedback = hub_feedback(folder, repo, session.tasks, options.feedback_public, **facts)
    elif folder is not None:
        feedback = Feedback(folder, session.title, session.revision)
    log = None if open_log is None else open_log(session)
    page = build_page(session, feedback, options.max_rows, log)
    # Services are stopped with SIGTERM; a normal exit commits the remaining feedback.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    paths = (folder, None if log is None else log.path)
    private = [path.resolve() for path in paths if path is not None]
    address = launch(page, private, options.host, options.port)
    print(f"The page is at {address}; stop it with Ctrl+C.", flush=True)
    page.block_thread()


def launch(page: gr.Blocks, private: Sequence[Path], host: str | None, port: int | None) -> str:
    """Start the server, which serves no other files, has no public link and sends no statistics.

    Args:
        page: the page.
        private: files and folders that are never served.
        host, port: see `AppOptions`.

    Returns:
        The page's address.
    """
    page.queue(max_size=MAX_WAITING, default_concurrency_limit=1, api_open=False)
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        allowed_paths=[],
        blocked_paths=list(map(str, private)),
        max_file_size=MAX_SIZE,
        app_kwargs={"middleware": [Middleware(BodySizeLimit, max_bytes=MAX_BODY)]},
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        i18n=gr.I18n(en=TRANSLATIONS),
        theme=gr.themes.Default(font=FONT, font_mono=FONT),
        css=CSS,
        quiet=True,
        prevent_thread_lock=True,
    )
    # `launch` would set it too late.
    page.app.state_holder.capacity = MAX_SESSIONS
    return address
