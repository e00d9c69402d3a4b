"""The option `license`."""

import pytest

from trainer.config.parser import parse
from trainer.errors import InputError


def test_the_hubs_names_are_taken():
    for name in ("apache-2.0", "mit", "cc-by-sa-4.0", "openrail++", "other"):
        assert parse(["--license", name, "--report_to", "none"]).run.license == name


@pytest.mark.parametrize(
    "name, near", [("Apache 2.0", "apache-2.0"), ("CC-BY-4.0", "cc-by-4.0"), ("gpl-3", "gpl-3.0")]
)
def test_another_name_is_refused_with_the_nearest(name, near):
    with pytest.raises(InputError, match=f"license = '{name}'.*Did you mean '{near}'"):
        parse(["--license", name, "--report_to", "none"])
