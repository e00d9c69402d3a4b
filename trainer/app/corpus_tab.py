"""The tab for many texts, which finds the most similar pairs of a corpus."""

from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from .corpus import Corpus, csv_columns, csv_corpus, csv_text, pasted_corpus
from .events import LIGHT, MODEL, show_errors
from .examples import example_chips, example_corpus
from .mining import most_similar_pairs
from .model_session import ModelSession

MAX_PAIRS = 1000
DEFAULT_THRESHOLD = 0.6
HEADER = ["cosine", "first text", "second text"]
LIKELY_COLUMNS = ("text", "sentence", "question")
PROGRESS = gr.Progress()

# A summary of the corpus, and rows of `HEADER`.
Mined = tuple[str, list[list[Any]]]


def corpus_tab(session: ModelSession, max_rows: int) -> None:
    """Add the tab's components to the page under construction."""
    pasted, upload, column = _corpus_inputs(session, max_rows)
    search = gr.Button("Find paraphrases", variant="primary", elem_id="search")
    threshold = gr.Slider(
        *(0, 1, DEFAULT_THRESHOLD), step=0.01, label="Minimum cosine", elem_id="threshold"
    )
    results = status, table, download = _result_components()
    mined = gr.State(None)

    def find(
        pasted: str, file: str | None, column: str, least: float, progress: gr.Progress = PROGRESS
    ) -> list[Any]:
        corpus = csv_corpus(file, column, max_rows) if file else pasted_corpus(pasted, max_rows)
        pairs = _mine(session, corpus, progress)
        return [pairs, *show(pairs, least)]

    def show(mined: Mined | None, least: float) -> list[Any]:
        if mined is None:
            return ["", [], gr.DownloadButton(interactive=False)]
        summary, pairs = mined
        rows = [pair for pair in pairs if pair[0] >= least]
        # Spreadsheets detect UTF-8 by the byte order mark.
        content = csv_text(HEADER, rows).encode("utf-8-sig")
        path = save_bytes_to_cache(content, "paraphrases.csv", download.GRADIO_CACHE)
        button = gr.DownloadButton(value=path, interactive=bool(rows))
        return [f"**{_count(len(rows))}** among {summary}", rows, button]

    inputs = [pasted, upload, column, threshold]
    search.click(show_errors(find), inputs, [mined, *results], show_progress_on=table, **MODEL)
    threshold.change(show, [mined, threshold], [*results], trigger_mode="always_last", **LIGHT)
    # `change` would be triggered twice for one file.
    gr.on([upload.upload, upload.clear], show_errors(_column_choice), upload, column, **LIGHT)


def _corpus_inputs(session: ModelSession, max_rows: int) -> tuple[gr.Textbox, gr.File, gr.Dropdown]:
    label = f"Texts, one per line, at most {max_rows:,}"
    pasted = gr.Textbox(label=label, lines=6, max_lines=12, elem_id="corpus")
    example_chips(example_corpus(session.examples), [pasted])
    upload = gr.File(
        label="Or a CSV file, used instead of the pasted texts",
        file_types=[".csv"],
        height=160,
        elem_id="upload",
    )
    return pasted, upload, gr.Dropdown(label="Text column", visible=False, elem_id="column")


def _result_components() -> tuple[gr.Markdown, gr.Dataframe, gr.DownloadButton]:
    status = gr.Markdown(elem_id="summary")
    table = gr.Dataframe(
        headers=HEADER,
        wrap=True,
        interactive=False,
        type="array",
        column_widths=["24%", "38%", "38%"],
        max_height=480,
        elem_id="pairs",
    )
    download = gr.DownloadButton("Download as CSV", interactive=False, elem_id="download")
    return status, table, download


def _mine(session: ModelSession, corpus: Corpus, progress: gr.Progress) -> Mined:
    texts = corpus.texts
    truncated = session.count_truncated(texts)
    vectors = session.embed(texts, lambda done: progress((done, len(texts)), unit="texts"))
    pairs = [
        [round(cosine, 4), texts[i], texts[j]]
        for cosine, i, j in most_similar_pairs(vectors, MAX_PAIRS)
    ]
    summary = corpus.summary()
    if truncated:
        summary += f"; {truncated:,} truncated to {session.max_tokens} tokens"
    return summary, pairs


def _count(pairs: int) -> str:
    if pairs == MAX_PAIRS:
        return f"The {pairs:,} most similar pairs"
    return f"{pairs:,} pair{'' if pairs == 1 else 's'}"


def _column_choice(file: str | None) -> gr.Dropdown:
    columns = csv_columns(file) if file else []
    likely = next((name for name in columns if name.lower() in LIKELY_COLUMNS), None)
    first = next(iter(columns), None)
    return gr.Dropdown(choices=columns, value=likely or first, visible=bool(columns))
