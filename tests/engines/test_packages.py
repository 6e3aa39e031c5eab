"""The functions' packages: small, complete, and the same bytes wherever they are built."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.engines.elsewhere import CHECKOUT, build_elsewhere, manifest_in

LAMBDAS = CHECKOUT / "pipeline_lambdas"
FUNCTIONS = sorted(path.parent.name for path in LAMBDAS.glob("*/handler.py"))
TOO_LARGE = ("pandas", "pyarrow", "duckdb", "sqlglot", "jinja2", "awswrangler")
# Rooms of the package that no function has any use for.
ELSEWHERE = ("cli", "demo", "flatten", "laptop", "local", "nightly", "reports", "sample", "testing")
# What boto3 brings to the runtime, besides itself.
RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """The program that builds packages."""
    spec = importlib.util.spec_from_file_location("package", LAMBDAS / "package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["package"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("function", FUNCTIONS)
def test_importing_a_handler_takes_nothing_large_and_connects_to_nothing(function: str) -> None:
    program = "import json, sys, handler; print(json.dumps(sorted(sys.modules)))"
    folders = [str(LAMBDAS / function), str(CHECKOUT)]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**environment, "PYTHONPATH": os.pathsep.join(folders)},
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = json.loads(done.stdout)
    assert "boto3" in loaded
    tops = {name.partition(".")[0] for name in loaded}
    assert not tops & {*TOO_LARGE, "click", "rich", "openpyxl", "pydantic", "aws_xray_sdk"}
    rooms = {name.split(".")[1] for name in loaded if name.startswith("cci_lite.")}
    assert not rooms & set(ELSEWHERE)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_holds_what_its_handler_imports_and_no_other_room(
    function: str, package: ModuleType
) -> None:
    files = package.own_files(function)
    assert "handler.py" in files
    assert "cci_lite/contract/services.toml" in files
    for room in ("language", "masking"):
        data = {
            path.relative_to(CHECKOUT).as_posix()
            for path in CHECKOUT.glob(f"cci_lite/{room}/*.toml")
        }
        assert data
        assert data & files.keys() == (data if f"cci_lite/{room}/__init__.py" in files else set())
    program = "import json, sys, handler; print(json.dumps(sorted(sys.modules)))"
    folders = [str(LAMBDAS / function), str(CHECKOUT)]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        check=True,
        capture_output=True,
        text=True,
    )
    ours = [name for name in json.loads(done.stdout) if name.partition(".")[0] == "cci_lite"]
    for name in ours:
        path = name.replace(".", "/")
        assert {f"{path}.py", f"{path}/__init__.py"} & files.keys(), name
    rooms = {name.split("/")[1].removesuffix(".py") for name in files if name.count("/")}
    assert not rooms & set(ELSEWHERE)
    assert not any("__pycache__" in name for name in files)


def test_the_model_is_asked_only_where_calls_are_judged(package: ModuleType) -> None:
    judges = {
        function
        for function in FUNCTIONS
        if "cci_lite.aws.bedrock" in package.reached_modules(function)
    }
    assert judges == {"analyzer", "result_handler"}


def test_a_zip_depends_on_names_and_contents_only(package: ModuleType, tmp_path: Path) -> None:
    files = {"b/two.py": b"2", "a.py": b"1"}
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    before = os.umask(0o077)
    try:
        package.write_package(first, files)
    finally:
        os.umask(before)
    package.write_package(second, dict(reversed(files.items())))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as opened:
        entries = opened.infolist()
    assert [entry.filename for entry in entries] == ["a.py", "b/two.py"]
    assert {entry.external_attr >> 16 & 0o777 for entry in entries} == {0o644}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


# --- With the libraries, from the package index ---------------------------------------------------


def build(checkout: Path, out: Path, umask: int) -> dict[str, Any]:
    """Build the packages in another checkout; the manifest."""
    needed = ("cci_lite", "pipeline_lambdas", "pyproject.toml", "constraints.txt")
    build_elsewhere("pipeline_lambdas/package.py", checkout, out, umask, needed)
    return manifest_in(out)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All packages."""
    folder = tmp_path_factory.mktemp("built")
    build(folder / "checkout", folder / "out", 0o022)
    return folder / "out"


@pytest.mark.packages
def test_two_builds_in_different_folders_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build(tmp_path / "somewhere" / "else", tmp_path / "out", 0o077)
    names = sorted(path.name for path in built.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 2 * len(FUNCTIONS) + 1
    for name in names:
        assert (built / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name


@pytest.mark.packages
def test_every_package_is_small_and_described(built: Path) -> None:
    manifest = manifest_in(built)
    described = {(each["function"], each["architecture"]): each for each in manifest["packages"]}
    assert set(described) == {
        (function, architecture) for function in FUNCTIONS for architecture in ("arm64", "x86_64")
    }
    for each in described.values():
        data = (built / each["package"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == each["sha256"]
        with zipfile.ZipFile(built / each["package"]) as opened:
            assert set(opened.namelist()) == set(each["files"])
            assert sum(entry.file_size for entry in opened.infolist()) == each["unpacked_bytes"]
        assert each["unpacked_bytes"] <= 10_000_000
        assert each["runtime"] == "python3.13"
        assert {"aws_lambda_powertools", "msgspec", "google_re2", "python_stdnum"} <= each[
            "libraries"
        ].keys()
        tops = {name.partition("/")[0] for name in each["files"]}
        assert not tops & {*RUNTIME, *TOO_LARGE, "bin"}


@pytest.mark.packages
def test_native_libraries_are_for_the_architecture(built: Path) -> None:
    for architecture, machine in (("arm64", "aarch64"), ("x86_64", "x86_64")):
        with zipfile.ZipFile(built / f"analyzer-{architecture}.zip") as opened:
            native = [name for name in opened.namelist() if name.endswith(".so")]
        assert native
        assert all(f"cpython-313-{machine}-linux-gnu" in name for name in native)


@pytest.mark.packages
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_imports_on_the_runtimes_python(
    function: str, built: Path, tmp_path: Path
) -> None:
    python = shutil.which("python3.13")
    if python is None or platform.machine() != "x86_64":
        pytest.skip("needs a python3.13 on x86_64")
    if subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip("the python3.13 that is on the path does not start")
    with zipfile.ZipFile(built / f"{function}-x86_64.zip") as opened:
        opened.extractall(tmp_path / "task")
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        source = found.parent if found.name == "__init__.py" else found
        (runtime / source.name).symlink_to(source)
    program = "import handler, sys; print(callable(handler.lambda_handler), sys.version_info[:2])"
    done = subprocess.run(
        # -S: no site-packages. What is not in the package or the runtime is missing.
        [python, "-S", "-c", program],
        env={"PYTHONPATH": f"{tmp_path / 'task'}:{runtime}", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "True (3, 13)"
