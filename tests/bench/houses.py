"""The processes of a benchmark run: one Temporal, one AWS, Firedoor, and the floor beside it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from firedoor.app.embedded import NAMESPACE, temporal_command
from firedoor.config import initial
from tests.bench.findings import SECRET, playbooks
from tests.bench.stamped_aws import CALLS
from tests.servers import ACCOUNT, free_port, request

ROOT = Path(__file__).resolve().parents[2]
_TEMPORAL, _FIREDOOR = (str(Path(sys.executable).parent / program) for program in ("temporal", "firedoor"))
_TICKS = os.sysconf("SC_CLK_TCK")
_UP_WITHIN = 60.0


@dataclass(frozen=True)
class Process:
    """One process and its log."""

    name: str
    running: subprocess.Popen[str]
    log: Path

    def cpu(self) -> float:
        """CPU seconds of it and of its children so far (utime, stime, cutime, cstime of proc_pid_stat)."""
        fields = Path(f"/proc/{self.running.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / _TICKS

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until it answers; raises with the end of its log."""
        gives_up = time.monotonic() + _UP_WITHIN
        while time.monotonic() < gives_up and self.running.poll() is None:
            if ready():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not become ready; its log ends:\n{self.log.read_text()[-3000:]}")


class Stamps:
    """The moments at which keys became inactive, as the emulator tells them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._told: queue.Queue[tuple[str, int]] = queue.Queue()
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()

    def _listen(self, lines: Iterator[str]) -> None:
        for line in lines:
            key, moment = line.split()
            self._told.put((key, int(moment)))

    def of(self, key: str) -> int:
        """Wait for one key; another's stamp belongs to nobody who waits."""
        while True:
            told, moment = self._told.get(timeout=60)
            if told == key:
                return moment


@dataclass(frozen=True)
class Houses:
    """Everything that runs, and how to reach it."""

    temporal: str
    aws: str
    ours: str
    floor: str
    stamps: Stamps
    processes: Mapping[str, Process]

    def calls(self) -> int:
        """Tell how many AWS calls have been answered."""
        return int(request(self.aws + CALLS))


@contextmanager
def running(
    folder: Path, chains: Callable[[str], Mapping[int, Sequence[tuple[str, str]]]]
) -> Iterator[Houses]:
    """Start all of it; `chains` makes the keys that the playbooks of 1, 2, … steps name."""
    with ExitStack() as stack:

        def start(name: str, command: Sequence[str], env: Mapping[str, str]) -> Process:
            return stack.enter_context(_process(name, command, env, folder))

        python, ports = sys.executable, [free_port() for _ in range(4)]
        temporal_url = f"127.0.0.1:{ports[0]}"
        aws_url, ours_url, floor_url = (f"http://127.0.0.1:{port}" for port in ports[1:])
        env = _environment(temporal_url, aws_url, folder)
        aws = start("aws", [python, "-m", "tests.bench.stamped_aws", str(ports[1])], env)
        temporal = start("temporal", temporal_command(data=folder, port=ports[0], page=None), env)
        aws.wait(lambda: _answers(aws_url + CALLS))
        _configure(folder, ours_url, chains(aws_url))
        temporal.wait(lambda: _serves(temporal_url))
        parts = {
            "ours gateway": start("ours-gateway", [_FIREDOOR, "gateway", "--port", str(ports[2])], env),
            "ours worker": start("ours-worker", [python, "worker.py"], env),
            "floor gateway": start(
                "floor-gateway", [python, "-m", "tests.bench.floor", "gateway", str(ports[3])], env
            ),
            "floor worker": start(
                "floor-worker", [python, "-m", "tests.bench.floor", "worker", ACCOUNT], env
            ),
        }
        parts["ours gateway"].wait(lambda: _answers(f"{ours_url}/readyz"))
        yield Houses(
            temporal=temporal_url,
            aws=aws_url,
            ours=ours_url,
            floor=floor_url,
            stamps=Stamps(iter(aws.running.stdout or ())),
            processes={"temporal": temporal, "aws": aws, **parts},
        )


def _configure(folder: Path, url: str, chains: Mapping[int, Sequence[tuple[str, str]]]) -> None:
    config = folder / "config"
    initial.write(config, account=ACCOUNT, url=url)
    (config / "secrets" / "guardduty.key").write_text(SECRET)
    (config / "firedoor.yaml").write_text((config / "firedoor.yaml").read_text() + "\nplaybooks: playbooks\n")
    (folder / "playbooks").mkdir()
    for name, text in playbooks(chains).items():
        (folder / "playbooks" / f"{name}.yaml").write_text(text)


def _environment(temporal: str, aws: str, folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TEMPORAL_", "FIREDOOR_"))}
    return {
        **kept,
        "FIREDOOR_CONFIG": str(folder / "config"),
        "FLOOR_SECRET": SECRET,
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "",
    }


@contextmanager
def _process(name: str, command: Sequence[str], env: Mapping[str, str], folder: Path) -> Iterator[Process]:
    log = folder / f"{name}.log"
    with log.open("w") as output:
        running = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if name == "aws" else output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        try:
            yield Process(name, running, log)
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGTERM)
                try:
                    running.wait(3)
                except subprocess.TimeoutExpired:
                    running.kill()
                    running.wait()
            if running.stdout is not None:
                running.stdout.close()


def _answers(url: str) -> bool:
    try:
        request(url)
    except OSError:
        return False
    return True


def _serves(address: str) -> bool:
    asked = [_TEMPORAL, "operator", "namespace", "describe", NAMESPACE, "--address", address]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
