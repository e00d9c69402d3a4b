"""Sphinx's configuration of the documentation: `make docs` builds it without a network."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

project = "hybrid-mtl"
author = "The hybrid-mtl authors"
project_copyright = author
html_title = project

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
# Links to sections of other pages, as GitHub makes them, which reads the same files.
myst_heading_anchors = 4
myst_links_external_new_tab = False

# In docstrings `x` is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True
# Types of other libraries are not linked: the site is built without a network.
nitpicky = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["llms.txt"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
# Without these, pages load nothing from other sites.
html_use_opensearch = ""


def _to_repository(app, document, source) -> None:
    """Show links to files outside the documentation as their names.

    On a repository's pages they lead to the file; the site does not have these files.
    """
    source[0] = re.sub(r"\[([^\]]+)\]\(\.\./(?!docs)([^)]+)\)", _name_of, source[0])


def _name_of(link: re.Match[str]) -> str:
    text, path = link[1], link[2].partition("#")[0]
    return text if text.strip("`") in path else f"{text} (`{path}`)"


def setup(app) -> None:
    """Register the change of links."""
    app.connect("source-read", _to_repository)
