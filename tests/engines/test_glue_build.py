"""What is uploaded for the Glue job: complete, described, and the same bytes wherever it is built."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.elsewhere import CHECKOUT, build_elsewhere, manifest_in
from tests.unit.cli.programs import GUIDE_DOCUMENT, GUIDE_FORM, succeed

# What the job needs of Glue's own libraries; their versions there are in etl/README.md.
OF_GLUE = ("dateutil", "six", "typing_extensions")

pytestmark = pytest.mark.packages


def build(checkout: Path, out: Path, umask: int) -> None:
    """Build in another checkout."""
    folders = ("cci_lite", "pipeline_lambdas", "sql", "etl")
    files = ("pyproject.toml", "constraints.txt", "README.md", "LICENSE")
    build_elsewhere("etl/build.py", checkout, out, umask, (*folders, *files))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(folder / "checkout", folder / "out", 0o022)
    return folder / "out"


def test_two_builds_in_different_folders_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build(tmp_path / "somewhere" / "else", tmp_path / "out", 0o077)

    def contents(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    assert contents(built) == contents(tmp_path / "out")


def test_the_manifest_describes_every_file(built: Path) -> None:
    manifest = manifest_in(built)
    files = [manifest["script"], *manifest["wheels"]]
    for each in files:
        assert hashlib.sha256((built / each["file"]).read_bytes()).hexdigest() == each["sha256"]
    assert {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()} == {
        "manifest.json",
        *(each["file"] for each in files),
    }
    script = built / manifest["script"]["file"]
    assert script.read_bytes() == (CHECKOUT / "etl/nightly_flatten.py").read_bytes()


def test_the_parameters_of_the_job_name_every_wheel_and_no_index(built: Path) -> None:
    manifest = manifest_in(built)
    assert manifest["glue_arguments"] == {
        "additional-python-modules": ",".join(
            "s3://${ARTIFACTS_BUCKET}/glue/" + wheel["file"] for wheel in manifest["wheels"]
        ),
        "python-modules-installer-option": "--no-index --no-deps",
    }


def test_wheels_are_for_glues_python_and_leave_its_client_of_aws_alone(built: Path) -> None:
    names = [Path(wheel["file"]).name for wheel in manifest_in(built)["wheels"]]
    for name in names:
        assert re.search(r"-(cp311-(cp311|abi3)-\S*manylinux\S*x86_64|py3|py2\.py3)", name), name
    libraries = {name.partition("-")[0].lower() for name in names}
    assert {"cci_lite", "pyarrow", "msgspec", "obstore"} <= libraries
    assert not libraries & {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", *OF_GLUE}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the wheels are for Python 3.11")
def test_the_script_runs_the_night_with_the_wheels_and_glues_own_libraries_only(
    built: Path, tmp_path: Path
) -> None:
    manifest = manifest_in(built)
    site, glue, lake = tmp_path / "site", tmp_path / "glue", tmp_path / "lake"
    options = manifest["glue_arguments"]["python-modules-installer-option"].split()
    wheels = [str(built / wheel["file"]) for wheel in manifest["wheels"]]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", f"--target={site}", *options]
    subprocess.run([*pip, *wheels], check=True)
    glue.mkdir()
    for name in OF_GLUE:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        source = found.parent if found.name == "__init__.py" else found
        (glue / source.name).symlink_to(source)
    succeed("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    succeed("forms", "put", GUIDE_FORM, "--tenant", "demo-tenant", "--lake", lake)
    succeed("calls", "ingest", GUIDE_DOCUMENT, "--tenant", "demo-tenant", "--lake", lake)
    done = subprocess.run(
        # -S: no site-packages. What is in no wheel and not in Glue is missing.
        [
            *(sys.executable, "-S", str(built / manifest["script"]["file"])),
            *("--JOB_NAME", "night", "--lake", str(lake), "--output", "json"),
        ],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{site}:{glue}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["days"][0]["calls"] == 1
