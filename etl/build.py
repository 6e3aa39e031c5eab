"""Build what the Glue job needs, into dist/glue/: its script, wheels and a manifest.

    python etl/build.py --out dist/glue

The wheels are this project's and those of its libraries, in the versions of `constraints.txt`,
for Glue's Python and Amazon Linux 2023. Glue installs them from S3 without any index and without
looking at dependencies; the manifest has the two parameters for that. The same checkout gives the
same bytes in any folder, whoever builds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

ETL = Path(__file__).resolve().parent
sys.path.insert(0, str(ETL.parent / "pipeline_lambdas"))

from package import (  # noqa: E402
    CHECKOUT,
    IN_THE_RUNTIME,
    __version__,
    pinned_wheels,
    project_metadata,
    sha256,
)

MACHINE = "x86_64"
# What Python each version of Glue has.
PYTHONS = {"5.1": "3.11"}
# Glue's own, on which other libraries of Glue depend to the last digit (aiobotocore on botocore).
IN_GLUE = IN_THE_RUNTIME | {"typing_extensions"}
INSTALLER_OPTIONS = "--no-index --no-deps"


def job_description() -> dict[str, Any]:
    """What job.yaml says."""
    text = (ETL / "job.yaml").read_text(encoding="utf-8")
    described: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return described


def download_wheels(folder: Path, python: str) -> None:
    """The wheels of all libraries but those that come with Glue."""
    project = project_metadata()
    wanted = [*project["dependencies"], *project["optional-dependencies"]["aws"]]
    options = [f"--dest={folder}", *pinned_wheels(python, MACHINE)]
    _pip("download", "--quiet", *options, *wanted)
    for wheel in folder.glob("*.whl"):
        if wheel.name.partition("-")[0].lower() in IN_GLUE:
            wheel.unlink()


def build_own_wheel(folder: Path) -> None:
    """The wheel of this project; the program that builds it is pinned as well."""
    constraints = {"PIP_CONSTRAINT": str(CHECKOUT / "constraints.txt")}
    options = ("--quiet", "--no-deps", "--no-cache-dir", f"--wheel-dir={folder}")
    _pip("wheel", *options, str(CHECKOUT), environment=constraints)


def describe_build(out: Path, job: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of the files in a folder."""
    script = out / job["script"]
    wheels = sorted((out / "wheels").glob("*.whl"))
    return {
        "version": __version__,
        "glue_version": job["glue_version"],
        "script": {"file": job["script"], "sha256": sha256(script.read_bytes())},
        "wheels": [
            {
                "file": f"wheels/{wheel.name}",
                "bytes": wheel.stat().st_size,
                "sha256": sha256(wheel.read_bytes()),
            }
            for wheel in wheels
        ],
        "glue_arguments": {
            "additional-python-modules": ",".join(
                f"{job['artifacts']}wheels/{wheel.name}" for wheel in wheels
            ),
            "python-modules-installer-option": INSTALLER_OPTIONS,
        },
    }


def _pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        env={**os.environ, **(environment or {})},
        check=True,
    )


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option(
    "--out", type=click.Path(path_type=Path), default=CHECKOUT / "dist/glue", help="A folder."
)
def main(out: Path) -> None:
    """Write script, wheels and `manifest.json`; what was in the folder's `wheels` goes."""
    job = job_description()
    shutil.rmtree(out / "wheels", ignore_errors=True)
    (out / "wheels").mkdir(parents=True)
    (out / job["script"]).write_bytes((ETL / job["script"]).read_bytes())
    download_wheels(out / "wheels", PYTHONS[job["glue_version"]])
    build_own_wheel(out / "wheels")
    manifest = describe_build(out, job)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    total = sum(wheel["bytes"] for wheel in manifest["wheels"])
    click.echo(f"{len(manifest['wheels'])} wheels, {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
