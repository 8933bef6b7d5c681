"""A SLURM of one node with two pretend GPUs, in a folder of its own, while a test lasts."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cluster import NODE, START_LIMIT, Cluster, wait_until
from packages import UnavailableError, install
from slurm_jobs import processes_of

GPUS = 2
GPU_TYPE = "pretended"
PARTITION = "gpu"
#: a partition whose jobs preempt those of the other
URGENT = "urgent"
TEMPLATE = Path(__file__).with_name("slurm.conf.template")
# what a task of a job sees, one line a task; SLURM runs this before each
TASK_PROLOG = """#!/bin/sh
echo "$SLURM_JOB_ID ${{SLURM_STEP_ID:-batch}} ${{CUDA_VISIBLE_DEVICES:-none}}" >> {folder}/tasks
"""
# the executor's job step drops every SLURM_ variable but a few, so its srun has to be told again
SRUN = """#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""


@contextmanager
def running_cluster(cpus: int = 2, memory: int = 64000) -> Iterator[Cluster]:
    """Start munge, slurmctld and slurmd; stop them at the end, whatever happens.

    Args:
        cpus: of the node, as SLURM counts them.
        memory: of the node in MB, as SLURM counts it.

    Raises:
        UnavailableError: the packages cannot be installed, or a daemon does not start.
    """
    install()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="conta-slurm-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(_kill_strays, folder)
        folder.chmod(0o755)  # munge insists that its socket can be reached
        _configure(folder, cpus, memory)
        path = f"{folder}/bin:{os.environ['PATH']}"
        environment = {**os.environ, "SLURM_CONF": f"{folder}/slurm.conf", "PATH": path}
        cluster = Cluster(folder, environment)
        try:
            _start_munge(stack, folder)
            _start(stack, folder, "slurmctld", ["slurmctld", "-D"], environment)
            _wait_for(cluster, "scontrol", "ping", says="is UP")
            _start(stack, folder, "slurmd", ["slurmd", "-D"], environment)
            cluster.wait_for_node()
        except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"SLURM does not start: {error}\n{_logs(folder)}") from None
        stack.callback(_cancel_all, cluster)
        yield cluster


def _configure(folder: Path, cpus: int, memory: int) -> None:
    for name in ("bin", "munge", "state", "spool"):
        (folder / name).mkdir(mode=0o755)
    for number in range(GPUS):
        # a character device like /dev/null; a count without files is refused
        os.mknod(folder / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    ports = _free_ports(2)
    values = {
        "host": socket.gethostname().split(".")[0],
        "folder": folder,
        "node": NODE,
        "partition": PARTITION,
        "urgent": URGENT,
        "gpus": GPUS,
        "gpu_type": GPU_TYPE,
        "cpus": cpus,
        "memory": memory,
        "ctld_port": ports[0],
        "slurmd_port": ports[1],
    }
    (folder / "slurm.conf").write_text(TEMPLATE.read_text().format(**values))
    (folder / "gres.conf").write_text(f"Name=gpu Type={GPU_TYPE} File={folder}/gpu[0-{GPUS - 1}]\n")
    (folder / "cgroup.conf").write_text("CgroupAutomount=yes\n")
    _write_script(folder / "task_prolog", TASK_PROLOG.format(folder=folder))
    _write_script(folder / "bin" / "srun", SRUN.format(folder=folder, srun=shutil.which("srun")))
    (folder / "tasks").touch()


def _write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def _start_munge(stack: ExitStack, folder: Path) -> None:
    place = folder / "munge"
    key = place / "key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    words = ["munged", "--foreground", "--force", f"--socket={place}/socket", f"--key-file={key}"]
    words += [f"--{name}-file={place}/{name}" for name in ("log", "pid", "seed")]
    _start(stack, folder, "munged", words, os.environ)
    wait_until((place / "socket").exists, START_LIMIT, "munged makes no socket")


def _start(
    stack: ExitStack, folder: Path, name: str, words: list[str], environment: Mapping[str, str]
) -> None:
    """Start a daemon in the foreground; it is stopped when the stack unwinds."""
    with open(folder / f"{name}.out", "wb") as output:
        daemon = subprocess.Popen(
            words, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    stack.callback(_stop, daemon)
    time.sleep(0.5)
    if daemon.poll() is not None:
        raise RuntimeError(f"{name} ended with {daemon.returncode}")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait(START_LIMIT)


def _cancel_all(cluster: Cluster) -> None:
    """End the jobs that are left, so that no process of theirs stays behind."""
    try:
        cluster.command("scancel", "--full", "--user=root")

        def over() -> bool:
            return not cluster.command("squeue", "--noheader").strip()

        wait_until(over, START_LIMIT, "jobs do not end")
        return
    except (RuntimeError, TimeoutError, subprocess.TimeoutExpired):
        pass
    try:
        cluster.command("scancel", "--full", "--signal=KILL", "--user=root")
        time.sleep(2)
    except (RuntimeError, subprocess.TimeoutExpired):
        pass


def _kill_strays(folder: Path) -> None:
    """What a job left behind when its node went down: linuxproc loses whose parent has ended."""
    for process in processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _wait_for(cluster: Cluster, *words: str, says: str) -> None:
    def answers() -> bool:
        try:
            return says in cluster.command(*words)
        except RuntimeError:
            return False

    wait_until(answers, START_LIMIT, f"{' '.join(words)} does not say {says!r}")


def _logs(folder: Path) -> str:
    """The last lines of every daemon's log."""
    files = [*folder.glob("*.log"), *folder.glob("*.out"), folder / "munge" / "log"]
    texts = [(path, path.read_text(errors="replace")[-800:]) for path in files if path.is_file()]
    return "\n".join(f"{path.name}:\n{text}" for path, text in texts if text)
