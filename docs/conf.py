"""How Sphinx builds the documentation: Markdown pages, and a reference out of the docstrings."""

from importlib.metadata import version as installed_version

project = "graphflow"
author = "The graphflow authors"
project_copyright = "2026, The graphflow authors"
version = release = installed_version("graphflow-engine")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"graphflow {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
# A heading can be linked to, so that pages point into each other and a dead link fails the build.
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
# Types stand beside the parameters that a docstring explains; else those of `__init__` would be
# told of classes that nobody calls.
autodoc_typehints_description_target = "documented"
default_role = "code"  # docstrings quote code with single backticks
napoleon_numpy_docstring = False

# The build is nitpicky about our own public names. What belongs to Python or to other libraries is
# not looked up: it would take the network, and the build would fail whenever that did.
nitpick_ignore_regex = [
    ("py:.*", r"(?!graphflow\b).*"),
    ("py:.*", r"graphflow\.(.*\.)?_.*"),  # private, met in signatures
    ("py:.*", r"graphflow\.(.*\.)?([A-Z]|\w+T)"),  # type variables: T, ContextT
]
