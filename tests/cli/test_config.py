"""The packaged configurations: listed, printed, and found by name."""

import pytest

from trainer.cli.config import main
from trainer.config.packaged_configs import describe, find_config, find_study, packaged_configs
from trainer.errors import InputError


def test_every_configuration_is_listed_with_what_it_is_for(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    for name, path in packaged_configs().items():
        assert f"\n  {name}" in printed
        assert 20 < len(describe(path)) < 200, name
    assert "accelerate/one_gpu" in printed


def test_one_is_printed_as_it_is(capsys):
    assert main(["best"]) == main(["best.yaml"]) == 0
    assert capsys.readouterr().out == packaged_configs()["best"].read_text() * 2
    assert main(["accelerate/one_gpu"]) == 0
    assert "mixed_precision: bf16" in capsys.readouterr().out
    assert main(["beest"]) == 2
    assert "no configuration 'beest'. Did you mean 'best'?" in capsys.readouterr().err


def test_a_file_of_the_current_folder_goes_before_a_packaged_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert find_config("demo") == packaged_configs()["demo"]
    assert capsys.readouterr().err == f"configuration: {packaged_configs()['demo']}\n"
    (tmp_path / "demo").mkdir()  # a folder is no configuration
    assert find_config("demo") == find_config("demo.yaml") == packaged_configs()["demo"]
    capsys.readouterr()
    (tmp_path / "demo.yaml").write_text("seed: 1\n")
    assert str(find_config("demo")) == "demo.yaml"
    assert capsys.readouterr().err == "configuration: demo.yaml\n"
    assert str(find_config("demo.yaml")) == "demo.yaml"  # as it was said: no line
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["dmeo", "dmeo.yaml", "sub/demo.yaml"])
def test_an_unknown_name_is_refused_with_the_nearest(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"no configuration file '{name}', .*hybrid-mtl config"):
        find_config(name)
    if "/" not in name:
        with pytest.raises(InputError, match="Did you mean 'demo'?"):
            find_config(name)


def test_a_study_is_found_with_or_without_its_prefix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid = packaged_configs()["study_grid"]
    assert find_study("study_grid") == find_study("grid") == find_study("grid.yaml") == grid
    assert str(find_study("gird")) == "gird"
    (tmp_path / "grid.yaml").write_text("seeds: [1]\n")
    assert str(find_study("grid.yaml")) == "grid.yaml"
