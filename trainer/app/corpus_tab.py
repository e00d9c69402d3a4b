"""The tab for many texts: a corpus in, its most similar pairs out."""

from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from . import examples
from .corpus import csv_columns, csv_corpus, csv_text, pasted_corpus
from .events import LIGHT, MODEL, show_errors
from .examples import example_chips
from .mining import most_similar_pairs
from .model_session import ModelSession

MAX_PAIRS = 1000
FIRST_THRESHOLD = 0.6
HEADER = ["cosine", "first text", "second text"]
LIKELY_COLUMNS = ("text", "sentence", "question")
PROGRESS = gr.Progress()


def corpus_tab(session: ModelSession, max_rows: int) -> None:
    """Place the tab's parts in the page that is being built."""
    pasted = gr.Textbox(
        label=f"Texts, one a line, at most {max_rows:,}", lines=6, max_lines=12, elem_id="corpus"
    )
    example_chips(examples.CORPORA, [pasted])
    upload = gr.File(
        label="Or a CSV file, which is then read instead",
        file_types=[".csv"],
        height=160,
        elem_id="upload",
    )
    column = gr.Dropdown(label="Column with the texts", visible=False, elem_id="column")
    search = gr.Button("Find what says the same", variant="primary", elem_id="search")
    threshold = gr.Slider(
        0, 1, FIRST_THRESHOLD, step=0.01, label="Similarity (cosine), at least", elem_id="threshold"
    )
    status = gr.Markdown(elem_id="found")
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
    mined = gr.State(None)
    results = [status, table, download]

    def find(
        pasted: str, file: str | None, column: str, least: float, progress: gr.Progress = PROGRESS
    ) -> list[Any]:
        corpus = csv_corpus(file, column, max_rows) if file else pasted_corpus(pasted, max_rows)
        count, cut = len(corpus.texts), session.too_long(corpus.texts)
        vectors = session.embed(corpus.texts, lambda done: progress((done, count), unit="texts"))
        pairs = [
            [round(cosine, 4), corpus.texts[i], corpus.texts[j]]
            for cosine, i, j in most_similar_pairs(vectors, MAX_PAIRS)
        ]
        summary = corpus.summary()
        if cut:
            summary += f"; {cut:,} with more than {session.max_tokens} tokens, read in part"
        found = summary, pairs
        return [found, *show(found, least)]

    def show(found: tuple[str, list[Any]] | None, least: float) -> list[Any]:
        if found is None:
            return ["", [], gr.DownloadButton(interactive=False)]
        summary, pairs = found
        rows = [pair for pair in pairs if pair[0] >= least]
        # With a byte order mark, by which spreadsheets know UTF-8.
        content = csv_text(HEADER, rows).encode("utf-8-sig")
        path = save_bytes_to_cache(content, "paraphrases.csv", download.GRADIO_CACHE)
        return [
            f"**{_count(len(rows))}** among {summary}",
            rows,
            gr.DownloadButton(value=path, interactive=bool(rows)),
        ]

    search.click(
        show_errors(find),
        [pasted, upload, column, threshold],
        [mined, *results],
        show_progress_on=table,
        **MODEL,
    )
    threshold.change(show, [mined, threshold], results, trigger_mode="always_last", **LIGHT)
    # Not `change`, which happens twice with one file.
    gr.on([upload.upload, upload.clear], show_errors(_column_choice), upload, column, **LIGHT)


def _count(pairs: int) -> str:
    if pairs == MAX_PAIRS:
        return f"The {pairs:,} most similar pairs"
    return f"{pairs:,} pair{'' if pairs == 1 else 's'}"


def _column_choice(file: str | None) -> gr.Dropdown:
    columns = csv_columns(file) if file else []
    likely = next((name for name in columns if name.lower() in LIKELY_COLUMNS), None)
    first = next(iter(columns), None)
    return gr.Dropdown(choices=columns, value=likely or first, visible=bool(columns))
