"""Build the functions' packages: one zip per function and architecture, and a manifest.

    python pipeline_lambdas/package.py                  all of them, into dist/lambdas/
    python pipeline_lambdas/package.py --function job_init --architecture arm64

A package is the function's `handler.py`, the part of `cci_lite` that it reaches, and the libraries
of the `lambda` extra in the versions of `constraints.txt`. The same checkout gives the same bytes
in any folder, whoever builds: entries are sorted, times and permissions fixed. Another version of
zlib may compress otherwise; the hashes of the files in the manifest are the same everywhere.
"""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import grimp

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # the package is built from this checkout, whatever is installed

from cci_lite import __version__  # noqa: E402

FUNCTIONS = CHECKOUT / "pipeline_lambdas"
PYTHON = "3.13"
MAX_UNPACKED_BYTES = 10_000_000
# Lambda's name of an architecture, and the wheels' name of it.
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
# The runtime is Amazon Linux 2023: glibc 2.34. pip takes only what is named.
_MANYLINUX = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
# What comes with the runtime (boto3 and what it needs): the package's own would shadow it.
IN_THE_RUNTIME = frozenset(
    {"boto3", "botocore", "dateutil", "jmespath", "python_dateutil", "s3transfer", "six", "urllib3"}
)
_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "bin", "test", "tests"})
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyi", ".typed"})
# Registries that nothing of ours reads, of network cards, SIM cards and Chinese places: 1.8 MB.
_LEFT_OUT_DATA = frozenset({"stdnum/oui.dat", "stdnum/imsi.dat", "stdnum/cn/loc.dat"})
# Differs from one installation to the next, or names the machine.
_LEFT_OUT_OF_DIST_INFO = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
_EPOCH = (1980, 1, 1, 0, 0, 0)

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Libraries:
    """The files of the `lambda` extra for one architecture, and their versions."""

    files: Files
    versions: Mapping[str, str]


def function_names() -> list[str]:
    """The functions: every folder with a handler."""
    return sorted(handler.parent.name for handler in FUNCTIONS.glob("*/handler.py"))


def reached_modules(function: str) -> set[str]:
    """The modules of cci_lite that a function's handler reaches, with the packages they are in."""
    graph = grimp.build_graph("cci_lite", exclude_type_checking_imports=True, cache_dir=None)
    # `cci_lite.open` is for people; it imports its parts only when it is called.
    for part in ("laptop", "cloud", "operations", "settings"):
        graph.remove_import(importer="cci_lite", imported=f"cci_lite.{part}")
    reached: set[str] = set()
    waiting = _imported(FUNCTIONS / function / "handler.py") & graph.modules
    while waiting:
        module = waiting.pop()
        reached.add(module)
        found = graph.find_modules_directly_imported_by(module)
        if package := module.rpartition(".")[0]:
            found = found | {package}
        waiting |= found - reached
    return reached


def own_files(function: str) -> dict[str, bytes]:
    """The handler and what it reaches of cci_lite, with the data that lies beside it."""
    files = {"handler.py": (FUNCTIONS / function / "handler.py").read_bytes()}
    for module in reached_modules(function):
        path = CHECKOUT.joinpath(*module.split("."))
        if path.is_dir():
            beside = (each for each in path.iterdir() if each.is_file() and each.suffix != ".py")
            found = [path / "__init__.py", *beside]
        else:
            found = [path.with_suffix(".py")]
        for file in found:
            if file.suffix not in _LEFT_OUT_SUFFIXES:
                files[file.relative_to(CHECKOUT).as_posix()] = file.read_bytes()
    return files


def project_metadata() -> Mapping[str, Any]:
    """What pyproject.toml says of the project."""
    pyproject = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    metadata: Mapping[str, Any] = pyproject["project"]
    return metadata


def pinned_wheels(python: str, machine: str) -> list[str]:
    """What tells pip to take wheels for Amazon Linux 2023, in the versions of constraints.txt."""
    return [
        f"--constraint={CHECKOUT / 'constraints.txt'}",
        *("--implementation=cp", f"--python-version={python}", "--only-binary=:all:"),
        *(f"--platform={name}_{machine}" for name in _MANYLINUX),
    ]


def download_libraries(architecture: str) -> Libraries:
    """The libraries of the `lambda` extra for an architecture, from wheels only."""
    wanted = project_metadata()["optional-dependencies"]["lambda"]
    with tempfile.TemporaryDirectory(prefix="cci-lite-libraries-") as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"),
                f"--target={folder}",
                *pinned_wheels(PYTHON, ARCHITECTURES[architecture]),
                *wanted,
            ],
            check=True,
        )
        return _libraries_in(Path(folder))


def write_package(path: Path, files: Files) -> None:
    """Write a zip whose bytes depend on the files' names and contents only."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, files[name])


def describe_package(
    path: Path, function: str, architecture: str, files: Files, versions: Mapping[str, str]
) -> dict[str, Any]:
    """What the manifest says of one package."""
    return {
        "function": function,
        "architecture": architecture,
        "runtime": f"python{PYTHON}",
        "package": path.name,
        "sha256": sha256(path.read_bytes()),
        "unpacked_bytes": sum(map(len, files.values())),
        "libraries": dict(versions),
        "files": {name: sha256(files[name]) for name in sorted(files)},
    }


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _libraries_in(folder: Path) -> Libraries:
    versions = {}
    for info in folder.glob("*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        if name not in IN_THE_RUNTIME:
            versions[name] = version
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and _is_needed(path.relative_to(folder).parts)
    }
    return Libraries(files, dict(sorted(versions.items())))


def _is_needed(parts: tuple[str, ...]) -> bool:
    *folders, name = parts
    if _distribution(parts[0]) in IN_THE_RUNTIME or _LEFT_OUT_FOLDERS.intersection(folders):
        return False
    if parts[0].endswith(".dist-info"):
        return name not in _LEFT_OUT_OF_DIST_INFO
    return "/".join(parts) not in _LEFT_OUT_DATA and Path(name).suffix not in _LEFT_OUT_SUFFIXES


def _distribution(top: str) -> str:
    return top.partition("-")[0].removesuffix(".py")


def sha256(data: bytes) -> str:
    """The hash of a file's content."""
    return hashlib.sha256(data).hexdigest()


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option(
    "--out", type=click.Path(path_type=Path), default=CHECKOUT / "dist/lambdas", help="A folder."
)
@click.option("--function", "functions", multiple=True, type=click.Choice(function_names()))
@click.option("--architecture", "architectures", multiple=True, type=click.Choice([*ARCHITECTURES]))
def main(out: Path, functions: Iterable[str], architectures: Iterable[str]) -> None:
    """Write the packages and `manifest.json`; exits with 1 when one is too large."""
    out.mkdir(parents=True, exist_ok=True)
    own = {function: own_files(function) for function in functions or function_names()}
    packages = []
    for architecture in architectures or ARCHITECTURES:
        libraries = download_libraries(architecture)
        for function, files in own.items():
            content = {**libraries.files, **files}
            path = out / f"{function}-{architecture}.zip"
            write_package(path, content)
            packages.append(
                describe_package(path, function, architecture, content, libraries.versions)
            )
    manifest = {"version": __version__, "packages": packages}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    for package in packages:
        click.echo(f"{package['package']}: {package['unpacked_bytes'] / 1e6:.1f} MB unpacked")
    largest = max(packages, key=lambda package: package["unpacked_bytes"])
    if largest["unpacked_bytes"] > MAX_UNPACKED_BYTES:
        raise click.ClickException(
            f"{largest['package']}: more than {MAX_UNPACKED_BYTES / 1e6:.0f} MB unpacked"
        )


if __name__ == "__main__":
    main()
