"""`hybrid-mtl config`: the configurations that come with the package."""

import argparse
import sys

from trainer.config.help_format import entry, section
from trainer.config.packaged_configs import STUDY, accelerate_configs, describe, packaged_configs
from trainer.errors import did_you_mean

PROG = "hybrid-mtl config"


def create_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="List the configurations that come with hybrid-mtl, or print one, to be "
        "changed: hybrid-mtl config best > my.yaml",
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="a configuration to print")
    return parser


def main(arguments: list[str], prog: str = PROG) -> int:
    """List or print; an unknown name prints one message and returns status 2."""
    name = create_parser(prog).parse_args(arguments).name
    found = {**packaged_configs(), **accelerate_configs()}
    if name is None:
        print(listing(), end="")
        return 0
    path = found.get(name.removesuffix(".yaml"))
    if path is None:
        print(
            f"{prog}: there is no configuration '{name}'.{did_you_mean(name, found)} "
            f"{prog} lists them",
            file=sys.stderr,
        )
        return 2
    print(path.read_text(encoding="utf-8"), end="")
    return 0


def listing() -> str:
    """Return the names of all configurations, runs before studies, each with its first sentence."""
    found = packaged_configs()
    runs = {name: path for name, path in found.items() if not name.startswith(STUDY)}
    parts = [
        section(title, (entry(name, describe(path)) for name, path in configs.items()))
        for title, configs in (
            ("for hybrid-mtl train NAME", runs),
            ("for hybrid-mtl search NAME", {n: p for n, p in found.items() if n not in runs}),
            ("for accelerate launch --config_file FILE", accelerate_configs()),
        )
    ]
    parts.append("hybrid-mtl config NAME > my.yaml prints one, to be changed.")
    return "\n\n".join(parts) + "\n"
