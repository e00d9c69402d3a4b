"""The hyperparameters on a card."""

from trainer.cards.hyperparameters import head_hyperparameters
from trainer.config.parser import parse


def test_augmentation_is_shown_as_it_is_configured_and_with_its_defaults():
    models = "models: [Helsinki-NLP/opus-mt-en-fr, Helsinki-NLP/opus-mt-fr-en]"
    steps = (
        f"[{{method: synonyms, share: 0.2}}, {{method: back_translation, {models}}}, swap_sides]"
    )
    settings = parse(["--report_to", "none", "--tasks.paraphrase.augmentation", steps])
    shown = head_hyperparameters(settings.tasks["paraphrase"], settings.training, "paraphrase")
    assert shown["augmentation"] == (
        f"synonyms (share: 0.2), back_translation ({models}, batch_size: 32, prefix: ''), "
        "swap_sides"
    )
    assert shown["augmented_copies"] == 1
