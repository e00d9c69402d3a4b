"""Make docs/figures/training.svg, the terminal after a short training run.

`python -m tests.runs.make_picture` trains configs/demo.yaml for two epochs in a pseudoterminal.
"""

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs/figures/training.svg"
WIDTH = 96
_PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|(.)", re.DOTALL)


def record(command: list[str], folder: str) -> str:
    """Return what a command writes to a terminal of `WIDTH` columns, run in a folder."""
    received = bytearray()
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 60, WIDTH, 0, 0))
        extra = {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        os.execvpe(command[0], command, {**os.environ, **extra})
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the end, on Linux
            break
        if not part:
            break
        received += part
    _, status = os.waitpid(process, 0)
    if status:
        sys.exit(received.decode(errors="replace"))
    return received.decode()


class Screen:
    """The lines of a terminal: characters with their styles, as far as tqdm and rich need it."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, str]]] = [[]]
        self.row = self.column = 0
        self.style = ""

    def write(self, text: str) -> None:
        for argument, command, control, character in _PART.findall(text):
            if command == "m":
                self.style = "" if argument in ("", "0") else f"{self.style}\x1b[{argument}m"
            elif command == "A":
                self.row = max(self.row - int(argument or 1), 0)
            elif command == "K":
                del self.lines[self.row][self.column :]
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self.row, self.column = self.row + 1, 0
                if self.row == len(self.lines):
                    self.lines.append([])
            elif character:
                self._put(character)

    def _put(self, character: str) -> None:
        line = self.lines[self.row]
        line += [(" ", "")] * (self.column + 1 - len(line))
        line[self.column] = (character, self.style)
        self.column += 1

    def text(self) -> Text:
        """Return the screen, without lines that are empty at its end."""
        lines = ["".join(f"\x1b[0m{style}{c}" for c, style in line) for line in self.lines]
        return Text("\n").join(Text.from_ansi(line.rstrip()) for line in lines)


def make_picture(output: str, title: str) -> str:
    """Return the SVG of a terminal, which loads no fonts from elsewhere."""
    screen = Screen()
    screen.write(output)
    text = screen.text()
    text.rstrip()
    with open(os.devnull, "w") as nowhere:
        console = Console(
            record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        console.print(text)
    svg = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def main() -> None:
    shown = "hybrid-mtl train demo --num_train_epochs 2"
    script, config = (str(ROOT / name) for name in ("scripts/run_mtl.py", "configs/demo.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, script, config, "--num_train_epochs", "2"]
        OUT.write_text(make_picture(record(command, folder), shown), encoding="utf-8")


if __name__ == "__main__":
    main()
