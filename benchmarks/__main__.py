"""Runs benchmarks, each in a process of its own, and closes with a table of their figures."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from report import FIGURES_FILE, figures_in, table

HERE = Path(__file__).parent


def benchmarks() -> dict[str, Path]:
    """Every file with a `main()`, by its name."""
    return {
        path.stem: path
        for path in sorted(HERE.glob("[!_]*.py"))
        if any(
            isinstance(node, ast.FunctionDef) and node.name == "main"
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    }


def main(names: list[str]) -> int:
    """The exit code: 0, or 1 where a benchmark failed. A figure that isn't reached is no failure:
    machines differ."""
    known = benchmarks()
    if unknown := set(names) - set(known):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        env = os.environ | {FIGURES_FILE: str(figures), "PYTHONPATH": str(HERE.parent)}
        for name in names or known:
            print(f"== {name}", flush=True)
            if subprocess.run([sys.executable, str(known[name])], env=env).returncode:
                failed.append(name)
        print("\n" + table(figures_in(figures)))
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
