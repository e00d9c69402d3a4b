import numpy as np
import pytest
from accelerate import Accelerator

from tests.toys import TASKS, toy_model, toy_rows
from trainer.data.batches import Collator
from trainer.evaluation.metrics import compute_task_metrics
from trainer.evaluation.predictions import predict_task, task_metrics

LOW, HIGH = TASKS["near"]["score_range"]


@pytest.mark.parametrize("cosine_range", [[0.0, 0.3], [0.9, 0.95]])
def test_correlations_are_of_clipped_scores_and_the_loss_of_unclipped_ones(cosine_range):
    model = toy_model({"near": {**TASKS["near"], "cosine_range": cosine_range}}).eval()
    task, rows = model.config.task("near"), toy_rows("near", 12)
    collator = Collator({"near": task}, pad_token_id=0)
    found = predict_task(
        model,
        "near",
        rows,
        collator,
        batch_size=4,
        accelerator=Accelerator(cpu=True),
        on_batch=lambda: None,
    )
    batch = collator.collate("near", rows[:])
    output = model(**batch, task="near")
    raw = output.logits.detach().numpy()
    assert (np.clip(raw, LOW, HIGH) != raw).any()
    np.testing.assert_allclose(found.outputs, np.clip(raw, LOW, HIGH), atol=1e-4)
    assert found.loss == pytest.approx(output.loss.item(), rel=1e-4)
    expected = compute_task_metrics("similarity", np.clip(raw, LOW, HIGH), found.labels)
    metrics = task_metrics({"near": task}, {"near": found}, "eval")
    assert metrics["eval_near_pearson"] == pytest.approx(expected["pearson"], abs=1e-4)
