"""How long a training cycle takes with each update rule and layout, over `sum` and `siloed`.

    .venv/bin/python benchmarks/update_rules.py [--batch_size 8] [--rounds 15] [--ways pcgrad ...]

A cycle is one batch of the three default tasks of the shipped sample, forward and backward, the
rule, clipping and the optimizer's step, on the packaged MiniLM. All ways take turns on the same
batches, so that whatever else the machine does meets all alike. Prints the median time of each and
its ratio to `sum` (median over rounds of the ratio within a round).
"""

import argparse
import statistics
import tempfile
import time

import torch
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from trainer import HybridMTLTrainer
from trainer.command_line import parse
from trainer.prepare import load_config, load_tokenizer, new_or_trained_model, prepare_data

WAYS = {
    **{rule: ["--rule", rule] for rule in ("sum", "pcgrad", "mgda", "aligned_mtl", "imtl_g")},
    "mtrec": ["--rule", "mtrec", "--auxiliary_tasks", "similarity"],
    **{rule: ["--rule", rule] for rule in ("gradvac", "graddrop")},
    "per_task": ["--layout", "per_task"],
    "overlapping": ["--layout", "overlapping"],
}


def make_trainer(options: list[str], folder: str) -> HybridMTLTrainer:
    settings = parse(
        [
            *("--model_name_or_path", "minilm", "--data_dir", "sample", "--report_to", "none"),
            *("--use_cpu", "true", "--output_dir", folder, *options),
        ]
    )
    config = load_config(settings.run)
    tokenizer = load_tokenizer(settings.run, config)
    data = prepare_data(settings, tokenizer, training=True)
    trainer = HybridMTLTrainer(
        new_or_trained_model(settings, config),
        settings.training,
        train_dataset=data.train,
        processing_class=tokenizer,
    )
    trainer.create_optimizer()
    return trainer


def seconds_of_a_cycle(trainer: HybridMTLTrainer, plan: dict) -> float:
    start = time.perf_counter()
    plans, _ = trainer.get_batch_samples(iter([plan]), 1, trainer.args.device)
    trainer.training_step(trainer.model, plans[0])
    trainer._clip_grad_norm(trainer.model)
    trainer.optimizer.step()
    trainer.model.zero_grad()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--ways", nargs="+", choices=[w for w in WAYS if w != "sum"])
    args = parser.parse_args()
    names = ["sum", *(args.ways or [way for way in WAYS if way != "sum"])]
    disable_progress_bar()
    set_verbosity_error()
    size = ["--per_device_train_batch_size", str(args.batch_size)]
    with tempfile.TemporaryDirectory() as folder:
        trainers = {name: make_trainer([*WAYS[name], *size], folder) for name in names}
        plans = list(trainers["sum"].get_train_dataloader())
        times: dict[str, list[float]] = {name: [] for name in names}
        for round_ in range(-2, args.rounds):  # two rounds to warm up
            plan = plans[round_ % len(plans)]
            for name, trainer in trainers.items():
                seconds = seconds_of_a_cycle(trainer, plan)
                if round_ >= 0:
                    times[name].append(seconds)
    print(f"batches of {args.batch_size}, {torch.get_num_threads()} threads, {args.rounds} rounds")
    for name, taken in times.items():
        ratios = [own / base for own, base in zip(taken, times["sum"], strict=True)]
        low, high = min(ratios), max(ratios)
        print(
            f"{name:<12}{statistics.median(taken) * 1000:>8.0f} ms"
            f"{statistics.median(ratios):>8.2f} x sum  ({low:.2f} to {high:.2f})"
        )


if __name__ == "__main__":
    main()
