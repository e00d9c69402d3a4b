"""Example texts of the page."""

from typing import Any

import gradio as gr

# Label of a chip -> texts for the boxes.
TEXTS = {
    "Praise": ["A gorgeous, witty film that never overstays its welcome."],
    "A complaint": ["Two hours of nothing, and the popcorn was cold."],
    "Some of both": ["It has its moments, though Anna spends most of them waiting in Paris."],
}
PAIRS = {
    "Two questions": [
        "How can I learn to cook well at home?",
        "What is a good way to teach myself cooking?",
    ],
    "One event": ["A plane is taking off.", "An airplane leaves the runway."],
    "Two topics": ["The cat sleeps on the sofa.", "Interest rates went up again."],
}
CORPORA = {
    "Questions to a shop": [
        """How do I reset my password?
When will my parcel arrive?
I forgot my password. What can I do?
Can I pay by invoice?
The app crashes when I open it.
Where is my order?
Do you accept payment on invoice?
Your app closes as soon as it starts.
How do I delete my account?"""
    ]
}


def example_chips(samples: dict[str, list[str]], boxes: list[Any]) -> None:
    """Add small buttons that fill the boxes."""
    gr.Examples(
        list(samples.values()),
        boxes,
        label="Examples",
        example_labels=list(samples),
        api_visibility="private",
    )
