"""Write the index of options: `python -m trainer.cli.option_index > trainer/cli/option_index.json`.

Help and completion read the file, since the modules of all options take seconds to import.
"""

import json

from trainer.config.help_text import documented, option_index
from trainer.config.parser import UNAVAILABLE_OPTIONS
from trainer.search.study import Study


def index_text() -> str:
    """Return the file's text: the options of a run and the keys of a study."""
    keys = dict(documented(Study))
    del keys["name"]
    del keys["options"]
    base = "the configuration that all runs start from, by its file."
    options = "changes to it: option -> value."
    index = {
        **option_index(UNAVAILABLE_OPTIONS),
        "study_keys": {"base": base, "options": options, **keys},
    }
    return json.dumps(index, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(index_text(), end="")
