from benchmarks.methods_data import write_data


def test_an_eighth_of_the_training_rows_is_drawn(tmp_path):
    source, target = tmp_path / "all", tmp_path / "drawn"
    for folder, name in (("sst5", "jsonl"), ("qqp", "csv"), ("stsb", "csv")):
        (source / folder).mkdir(parents=True)
        head = [] if name == "jsonl" else ["text,label"]
        for split, count in (("train", 80), ("validation", 2600)):
            lines = [*head, *(f"row {n},{n}" for n in range(count))]
            (source / folder / f"{split}.{name}").write_text("\n".join(lines) + "\n")
    write_data(source, target)
    counts = {
        path.relative_to(target).as_posix(): len(path.read_text().splitlines())
        for path in target.rglob("*.*")
    }
    assert counts == {
        "sst5/train.jsonl": 10,
        "sst5/validation.jsonl": 2600,
        "qqp/train.csv": 11,
        "qqp/validation.csv": 2501,
        "stsb/train.csv": 11,
        "stsb/validation.csv": 2601,
    }
