"""What a deployment is made of: synthesis time, template sizes, layer sizes."""

import json
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from benchmarks.figures import spread, table
from infra.installed import copy_installed

ROOT = Path(__file__).parent.parent
ROUNDS = 3
STAGES = ("dev", "prod")
TEMPLATE_LIMIT = 1_000_000
"""Bytes that CloudFormation takes from S3."""
LAYER_LIMIT_MIB = 250
"""Unpacked, all layers of a function and its code."""


def main() -> None:
    """Prints Markdown. The first synthesis, which may fetch wheels, is not counted."""
    with tempfile.TemporaryDirectory() as directory:
        assemblies = {stage: Path(directory) / stage for stage in STAGES}
        for stage, assembly in assemblies.items():
            synthesize(stage, assembly)
        times = [synthesize("dev", Path(directory) / f"again{n}") for n in range(ROUNDS)]
        print(f"\n`npx cdk synth`, wheels at hand: {spread(times, unit='s')}")
        table("Templates", ("stack", "resources", "bytes", "of the limit"), _templates(assemblies))
        table("Layers", ("layer", "unpacked MiB", "zipped MiB"), _layers(assemblies["dev"]))
        table("The relay's image, on top of python:3.13-slim", ("part", "MiB"), _image())


def synthesize(stage: str, target: Path) -> float:
    """Seconds."""
    begun = time.perf_counter()
    subprocess.run(
        ["npx", "cdk", "synth", "--quiet", f"--context=stage={stage}", f"--output={target}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begun


def _templates(assemblies: dict[str, Path]) -> list[tuple[object, ...]]:
    return [
        (file.name.removesuffix(".template.json"), *_size(file))
        for assembly in assemblies.values()
        for file in sorted(assembly.glob("*.template.json"))
    ]


def _size(template: Path) -> tuple[int, int, str]:
    # As the command line uploads it: without indentation it would be a third smaller.
    size = template.stat().st_size
    return len(json.loads(template.read_text())["Resources"]), size, f"{size / TEMPLATE_LIMIT:.0%}"


def _layers(assembly: Path) -> list[tuple[str, str, str]]:
    layers = [each for each in assembly.glob("asset.*") if (each / "python").is_dir()]
    rows = [(_name(each), _mib(_unpacked(each)), _mib(_zipped(each))) for each in layers]
    total = sum(_unpacked(each) for each in layers)
    return [*sorted(rows), (f"both, limit {LAYER_LIMIT_MIB}", _mib(total), "")]


def _image() -> list[tuple[str, str]]:
    """Unpacked: what relay/Dockerfile installs and copies, as it is installed on this machine."""
    with tempfile.TemporaryDirectory() as directory:
        copy_installed(ROOT / "relay/requirements.txt", Path(directory))
        installed = _unpacked(Path(directory))
    sources = [ROOT / "relay", ROOT / "layers/core/python/nft_upgrade"]
    ours = sum(file.stat().st_size for place in sources for file in place.rglob("*.py"))
    return [("dependencies", _mib(installed)), ("package and relay, .py", _mib(ours))]


def _name(layer: Path) -> str:
    return "core" if (layer / "python/nft_upgrade").is_dir() else "dependencies"


def _unpacked(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def _zipped(directory: Path) -> int:
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in directory.rglob("*"):
                archive.write(file, file.relative_to(directory))
        return target.seek(0, 2)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"


if __name__ == "__main__":
    main()
