"""The page: a tab for one text, one for two and one for many, built from the model's tasks."""

from html import escape
from typing import Any

import gradio as gr

from .corpus_tab import corpus_tab
from .errors import UserError
from .events import LIGHT, MODEL, show_errors
from .examples import example_chips
from .feedback import Feedback
from .model_session import ModelSession
from .prediction_log import PredictionLog
from .task_view import TaskView, create_view, title_of


def build_page(
    session: ModelSession,
    feedback: Feedback | None,
    max_rows: int,
    log: PredictionLog | None = None,
) -> gr.Blocks:
    """Build the page.

    Args:
        session: the model.
        feedback: the storage of corrections; None to collect none.
        max_rows: the maximum number of rows of a corpus.
        log: of the predictions and their corrections; None to keep none.
    """
    # Uploads and downloads are deleted after an hour.
    with gr.Blocks(title=session.title, analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown(f"# {escape(session.title)}\nOne sentence encoder for several tasks.")
        if session.task_names("single"):
            with gr.Tab("One text"):
                box = gr.Textbox(label="Text", lines=3, elem_id="text")
                _prediction_tab(session, feedback, log, "single", [box])
        if session.task_names("pair"):
            with gr.Tab("Two texts"):
                boxes = [
                    gr.Textbox(label="First text", lines=2, elem_id="first"),
                    gr.Textbox(label="Second text", lines=2, elem_id="second"),
                ]
                _prediction_tab(session, feedback, log, "pair", boxes)
        with gr.Tab("Many texts"):
            corpus_tab(session, max_rows)
        _endpoints(session, log)
    return page


def _endpoints(session: ModelSession, log: PredictionLog | None) -> None:
    """Add API endpoints that return the outputs of the pipeline for a text and for a pair."""

    def predict(text: str) -> dict[str, Any]:
        """Predict every task of one text."""
        return _predict(session, log, (text,))[1]

    def predict_pair(text: str, text_pair: str) -> dict[str, Any]:
        """Predict every task of two texts."""
        return _predict(session, log, (text, text_pair))[1]

    for kind, function in (("single", predict), ("pair", predict_pair)):
        if session.task_names(kind):
            gr.api(
                show_errors(function),
                api_name=function.__name__,
                **{**MODEL, "api_visibility": "public"},
            )


def _predict(
    session: ModelSession, log: PredictionLog | None, texts: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    """Return the id of the predictions in the log, empty without one, and the predictions."""
    predictions = session.predict(*texts)
    return ("" if log is None else log.add(texts, predictions)), predictions


def _prediction_tab(
    session: ModelSession,
    feedback: Feedback | None,
    log: PredictionLog | None,
    tab: str,
    boxes: list[Any],
) -> None:
    """Add the predict button, the predictions of all tasks of a tab, and their corrections."""
    views = {
        name: create_view(name, session.tasks[name], session.output_types[name])
        for name in session.task_names(tab)
    }
    example_chips(session.examples_of(tab), boxes)
    button = gr.Button("Predict", variant="primary", elem_id=f"predict-{tab}")
    # The predicted texts and predictions: the boxes may change before a correction.
    predicted = gr.State(None)
    outputs: list[Any] = [predicted]
    results: list[Any] = []
    for name, view in views.items():
        results.append(view.result())
        outputs.append(results[-1])
        if feedback is not None:
            outputs += _add_correction(feedback, log, name, view, predicted)

    def show_predictions(*texts: str) -> list[Any]:
        answer_id, predictions = _predict(session, log, texts)
        values: list[Any] = [(texts, predictions, answer_id)]
        for name, view in views.items():
            values.append(view.render(texts[0], predictions[name]))
            if feedback is not None:
                values += [view.initial_value(predictions[name]), ""]
        return values

    triggers = [button.click, *(box.submit for box in boxes)]
    show = show_errors(show_predictions)
    gr.on(triggers, show, boxes, outputs, show_progress_on=results, **MODEL)


def _add_correction(
    feedback: Feedback,
    log: PredictionLog | None,
    name: str,
    view: TaskView,
    predicted: gr.State,
) -> list[Any]:
    """Add the form of a correction; return its field and its status line."""
    title = f"{title_of(name)}: this is wrong"
    with gr.Accordion(title, open=False, elem_id=f"correction-{name}"):
        given = view.correction()
        send = gr.Button("Send the correction", elem_id=f"send-{name}")
        gr.Markdown(f"Your text and the correction are {feedback.storage}, for training the model.")
        status = gr.Markdown(elem_id=f"status-{name}")

    def save(predicted: Any, given: Any) -> list[Any]:
        if predicted is None:
            raise UserError("Predict first, then correct the prediction.")
        texts, predictions, answer_id = predicted
        row = view.validate(texts[0], predictions[name], given)
        if len(texts) == 2:
            row = {"text": row["text"], "text_pair": texts[1], **row}
        feedback.add(name, row)
        if log is not None:
            log.add_correction(answer_id, name, row["label"])
        return ["Thank you, the correction is saved.", view.initial_value(predictions[name])]

    send.click(show_errors(save), [predicted, given], [status, given], **LIGHT)
    return [given, status]
