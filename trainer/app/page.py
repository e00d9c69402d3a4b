"""The page: a tab for one text, one for two and one for many, made from the model's own tasks."""

from html import escape
from typing import Any

import gradio as gr

from . import examples
from .corpus_tab import corpus_tab
from .errors import UserError
from .events import LIGHT, MODEL, show_errors
from .examples import example_chips
from .feedback import Feedback
from .kinds import Kind, kind_of, title_of
from .model_session import ModelSession


def build_page(session: ModelSession, feedback: Feedback | None, max_rows: int) -> gr.Blocks:
    """The whole page.

    Args:
        session: the model.
        feedback: where right answers go; without it none are asked for.
        max_rows: rows of a corpus at most.
    """
    # Uploads and downloads are deleted after an hour.
    with gr.Blocks(title=session.title, analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown(f"# {escape(session.title)}\nOne sentence encoder for several tasks.")
        if session.task_names("single"):
            with gr.Tab("One text"):
                box = gr.Textbox(label="Text", lines=3, elem_id="text")
                _asking_tab(session, feedback, "single", [box], examples.TEXTS)
        if session.task_names("pair"):
            with gr.Tab("Two texts"):
                boxes = [
                    gr.Textbox(label="First text", lines=2, elem_id="first"),
                    gr.Textbox(label="Second text", lines=2, elem_id="second"),
                ]
                _asking_tab(session, feedback, "pair", boxes, examples.PAIRS)
        with gr.Tab("Many texts"):
            corpus_tab(session, max_rows)
        _endpoints(session)
    return page


def _endpoints(session: ModelSession) -> None:
    """What programs call: the answers to a text and to a pair, as the pipeline gives them."""

    def answer(text: str) -> dict[str, Any]:
        """Answer every task that reads one text."""
        return session.predict(text)

    def answer_pair(text: str, text_pair: str) -> dict[str, Any]:
        """Answer every task that reads two texts."""
        return session.predict(text, text_pair)

    for kind, function in (("single", answer), ("pair", answer_pair)):
        if session.task_names(kind):
            gr.api(
                show_errors(function),
                api_name=function.__name__,
                **{**MODEL, "api_visibility": "public"},
            )


def _asking_tab(
    session: ModelSession,
    feedback: Feedback | None,
    tab: str,
    boxes: list[Any],
    samples: dict[str, list[str]],
) -> None:
    """A button that asks all tasks of a tab at once, their answers, and corrections of them."""
    names = session.task_names(tab)
    kinds = {name: kind_of(name, session.tasks[name], session.answers[name]) for name in names}
    example_chips(samples, boxes)
    button = gr.Button("Answer", variant="primary", elem_id=f"ask-{tab}")
    # The texts that were answered, whatever the boxes hold by the time of a correction.
    asked = gr.State(None)
    outputs: list[Any] = [asked]
    results: list[Any] = []
    for name, kind in kinds.items():
        results.append(kind.result())
        outputs.append(results[-1])
        if feedback is not None:
            outputs += _correction(feedback, name, kind, asked)

    def show_answers(*texts: str) -> list[Any]:
        answers = session.predict(*texts)
        values: list[Any] = [(texts, answers)]
        for name, kind in kinds.items():
            values.append(kind.render(texts[0], answers[name]))
            if feedback is not None:
                values += [kind.initial_value(answers[name]), ""]
        return values

    gr.on(
        [button.click, *(box.submit for box in boxes)],
        show_errors(show_answers),
        boxes,
        outputs,
        show_progress_on=results,
        **MODEL,
    )


def _correction(feedback: Feedback, name: str, kind: Kind, asked: gr.State) -> list[Any]:
    """What a right answer is given in, and a line that says that it was kept."""
    with gr.Accordion(f"{title_of(name)}: this is wrong", open=False, elem_id=f"wrong-{name}"):
        given = kind.correction()
        send = gr.Button("Send the right answer", elem_id=f"send-{name}")
        gr.Markdown(f"Your text and the right answer are {feedback.kept}, to train the model on.")
        status = gr.Markdown(elem_id=f"status-{name}")

    def keep(asked: Any, given: Any) -> list[Any]:
        if asked is None:
            raise UserError("Ask the model first; then say what it should have answered.")
        texts, answers = asked
        row = kind.validate(texts[0], answers[name], given)
        if len(texts) == 2:
            row = {"text": row["text"], "text_pair": texts[1], **row}
        feedback.add(name, row)
        return ["Thank you, that is kept.", kind.initial_value(answers[name])]

    send.click(show_errors(keep), [asked, given], [status, given], **LIGHT)
    return [given, status]
