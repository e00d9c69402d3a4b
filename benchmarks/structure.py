"""Measure how readable the code is: `python -m benchmarks.structure [CHECKOUT ...]`.

Only parses sources, so that any version can be compared with another.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

# The packages of trainer/, from the lowest layer up. A module imports from layers below its own and
# from its own package, never from another package of its layer or from above.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("console", "extras", "options", "registry", "statistics"),
    ("data", "ray_cluster", "saving"),
    ("objective", "optimization", "evaluation", "prediction"),
    ("config",),
    ("loading",),
    ("cards", "app"),
    ("export", "hub", "audit"),
    ("monitoring", "serving"),
    ("training",),
    ("runs",),
    ("search",),
    ("cli",),
    ("__main__",),
)
LONG_FUNCTION = 40

Imports = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Return the modules of `trainer/`: dotted name below it -> file."""
    base = root / "trainer"
    found = {}
    for path in sorted(base.rglob("*.py")):
        if "metric_scripts" not in path.parts:
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts)] = path
    return found


def imports_of(name: str, tree: ast.AST, known: set[str]) -> set[str]:
    """Return the modules of `trainer/` that a module imports, also in annotations and functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ["trainer", *name.split(".")][: -node.level] if node.level else []
            module = ".".join([*package, *([node.module] if node.module else [])])
            targets = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for target in targets:
            inner = target.removeprefix("trainer.")
            if target.startswith("trainer."):
                found |= {inner, f"{inner}.__init__"} & known
    return found - {name}


def import_graph(root: Path) -> Imports:
    """Return module -> the modules that it imports, read from the sources."""
    files = modules(root)
    known = set(files)
    return {
        name: imports_of(name, ast.parse(path.read_text()), known) for name, path in files.items()
    }


def package_of(module: str) -> str:
    """Return the package of a module: the first part of its name."""
    return module.split(".")[0]


def upward_imports(graph: Imports) -> list[str]:
    """Return the imports that do not point down, `module -> module`."""
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    top = len(LAYERS)
    return [
        f"{module} -> {other}"
        for module, others in sorted(graph.items())
        for other in sorted(others)
        if package_of(module) not in (package_of(other), "__init__")
        and layer.get(package_of(other), top) >= layer.get(package_of(module), top)
    ]


def import_cycles(graph: Imports) -> list[list[str]]:
    """Return the groups of modules that import each other in a cycle (Tarjan 1972).

    A package's `__init__` re-exports names of its modules and is skipped.
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in graph[module]:
            if other.endswith("__init__"):
                continue
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            start = stack.index(module)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for module in graph:
        if module not in order and not module.endswith("__init__"):
            visit(module)
    return found


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each function's name and length in lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def option_names(root: Path) -> set[str]:
    """Return the options that dataclasses of `trainer/` declare as fields."""
    found = set()
    for path in modules(root).values():
        for node in ast.walk(ast.parse(path.read_text())):
            value = getattr(node, "value", None)
            declares = isinstance(value, ast.Call) and getattr(value.func, "id", "") in (
                "field",
                "option",
            )
            if isinstance(node, ast.AnnAssign) and declares and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return found


def lists_that_name(options: set[str], tree: ast.Module) -> int:
    """Count a module's constants that name two options or more."""
    count = 0
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            texts = {n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)}
            count += len(options & {t for t in texts if isinstance(t, str)}) > 1
    return count


def measure(root: Path) -> dict[str, str]:
    """Return the measures of a checkout, by name."""
    trees = {name: ast.parse(path.read_text()) for name, path in modules(root).items()}
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules(root).items()}
    graph = import_graph(root)
    model = sum(len(p.read_text().splitlines()) for p in root.glob("modeling_hybrid_mtl/*.py"))
    scripts = sum(len(p.read_text().splitlines()) for p in root.glob("scripts/*.py"))
    longest = max(lengths, key=lambda name: lengths[name])
    options = option_names(root)
    long_functions = [n for tree in trees.values() for n, k in functions(tree) if k > LONG_FUNCTION]
    code = model + sum(lengths.values()) + scripts
    return {
        "files at the root of trainer/": str(sum("." not in name for name in trees)),
        "longest file of trainer/": f"{lengths[longest]} ({longest})",
        "median file of trainer/": f"{median(lengths.values()):g}",
        f"functions over {LONG_FUNCTION} lines": str(len(long_functions)),
        "imports that do not point down": str(len(upward_imports(graph))),
        "import cycles": str(len(import_cycles(graph))),
        "constants that name two options or more": str(
            sum(lists_that_name(options, tree) for tree in trees.values())
        ),
        "lines of trainer/, modeling_hybrid_mtl/, scripts/": str(code),
        "lines of README.md": str(len((root / "README.md").read_text().splitlines())),
    }


def main() -> None:
    """Print the measures of the checkouts side by side."""
    roots = [Path(given) for given in sys.argv[1:]] or [Path(__file__).resolve().parents[1]]
    columns = [measure(root) for root in roots]
    width = max(map(len, columns[0]))
    for name in columns[0]:
        print(name.ljust(width), *(column[name].rjust(28) for column in columns))


if __name__ == "__main__":
    main()
