"""A SLURM of one node with two pretend GPUs, in a folder of its own, while a test lasts."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
PACKAGES = ("slurm-wlm", "slurmctld", "slurmd", "munge")
#: seconds that one command of SLURM may take, and one daemon to start or to end
COMMAND_LIMIT = 60
START_LIMIT = 30
#: seconds that a step of installing may take
INSTALL_LIMIT = 300
GPUS = 2
GPU_TYPE = "pretended"
PARTITION = "gpu"
#: a partition whose jobs preempt those of the other
URGENT = "urgent"
NODE = "conta"

# CPUs and memory are made up, too, so that the rules' own figures fit (config_overrides);
# task/affinity, because with task/none srun refuses the executor's --cpu-bind;
# a job that lost its node starts again after cred_expire seconds (120 by default);
# MinJobAge keeps the records of ended jobs, which this SLURM has no data base for.
SLURM_CONF = """
ClusterName=conta
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
TaskProlog={folder}/task_prolog
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=5
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
ReturnToService=1
MinJobAge=36000
KillWait=20
GresTypes=gpu
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 \
CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} Gres=gpu:{gpu_type}:{gpus}
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName={partition} Nodes={node} Default=YES MaxTime=INFINITE State=UP
PartitionName={urgent} Nodes={node} PriorityTier=10 MaxTime=INFINITE State=UP
"""
# what a task of a job sees, one line a task; SLURM runs this before each
TASK_PROLOG = """#!/bin/sh
echo "$SLURM_JOB_ID ${{SLURM_STEP_ID:-batch}} ${{CUDA_VISIBLE_DEVICES:-none}}" >> {folder}/tasks
"""
# the executor's job step drops every SLURM_ variable but a few, so its srun has to be told again
SRUN = """#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""


class UnavailableError(Exception):
    """SLURM cannot run here, and why."""


@dataclass(frozen=True)
class Job:
    """A job's record, as ``scontrol show job`` tells it.

    Attributes:
        number: SLURM's.
        comment: the rule and its wildcards, as the executor plugin writes them.
        fields: all of the record.
    """

    number: int
    comment: str
    fields: Mapping[str, str]

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.comment.removeprefix("rule_").split("_wildcards_")[0]

    @property
    def state(self) -> str:
        """``RUNNING``, ``COMPLETED``, ``TIMEOUT`` ..."""
        return self.fields["JobState"]

    @property
    def minutes(self) -> int:
        """The time limit."""
        days, _, clock = self.fields["TimeLimit"].rpartition("-")
        hours, minutes, _ = (int(part) for part in clock.split(":"))
        return (int(days or 0) * 24 + hours) * 60 + minutes

    @property
    def tres(self) -> dict[str, str]:
        """What was asked for: cpu and mem, as SLURM writes them."""
        return dict(item.split("=", 1) for item in self.fields["TRES"].split(","))

    @property
    def gpus(self) -> int:
        """GPUs asked for, by ``--gpus`` or by ``--gres``."""
        asked = self.fields.get("TresPerJob") or self.fields.get("TresPerNode") or ""
        return int(asked.rpartition(":")[2]) if asked else 0

    @property
    def megabytes(self) -> int:
        """Memory asked for."""
        number, unit = self.tres["mem"][:-1], self.tres["mem"][-1]
        return round(float(number) * {"M": 1, "G": 1024}[unit])

    @property
    def restarts(self) -> int:
        """How often SLURM itself started the job again."""
        return int(self.fields["Restarts"])

    @property
    def span(self) -> tuple[str, str]:
        """Start and end, in a form that compares."""
        return self.fields["StartTime"], self.fields["EndTime"]


@dataclass(frozen=True)
class Cluster:
    """A running SLURM.

    Attributes:
        folder: of its configuration, state and logs.
        environment: what its commands need.
    """

    folder: Path
    environment: Mapping[str, str]

    def command(self, *words: str) -> str:
        """Run a command of SLURM; its output."""
        done = subprocess.run(
            words,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_LIMIT,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def jobs(self) -> list[Job]:
        """All jobs so far, ended ones too, by number."""
        return parse_jobs(self.command("scontrol", "show", "job", "--oneliner"))

    def running(self) -> set[int]:
        """The jobs that run."""
        return {job.number for job in self.jobs() if job.state == "RUNNING"}

    def processes(self, job: Job) -> list[int]:
        """The processes of a running job, as SLURM tracks them."""
        lines = self.command("scontrol", "listpids", str(job.number)).splitlines()[1:]
        return [int(line.split()[0]) for line in lines if int(line.split()[0]) > 0]

    def visible_gpus(self) -> dict[int, set[str]]:
        """Job -> every CUDA_VISIBLE_DEVICES that a task of it saw; ``none`` where it is unset."""
        found: dict[int, set[str]] = {}
        for line in (self.folder / "tasks").read_text().splitlines():
            number, step, devices = line.split(" ", 2)
            if step != "batch":
                found.setdefault(int(number), set()).add(devices)
        return found

    def set_node(self, state: str) -> None:
        """``down`` or ``resume`` the only node."""
        reason = ["Reason=test"] if state == "down" else []
        self.command("scontrol", "update", f"NodeName={NODE}", f"State={state}", *reason)

    def wait_for_node(self, limit: float = START_LIMIT) -> None:
        """Until the node takes jobs."""

        def ready() -> bool:
            return self.command("sinfo", "-h", "-o", "%T").strip() in ("idle", "mixed", "allocated")

        wait_until(ready, limit, "the node does not become idle")


def parse_jobs(text: str) -> list[Job]:
    """The records of ``scontrol show job --oneliner``."""
    found = []
    for line in text.splitlines():
        fields = dict(re.findall(r"(?:^| )([A-Z][\w/:]*)=(\S*)", line))
        if "JobId" in fields:
            found.append(Job(int(fields["JobId"]), fields.get("Comment", ""), fields))
    return sorted(found, key=lambda job: job.number)


def wait_until(condition: Callable[[], bool], limit: float, complaint: str) -> None:
    """Ask again and again; an error once the seconds are over."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{complaint} within {limit:g} s")
        time.sleep(0.2)


def processes_of(folder: Path) -> list[int]:
    """Processes that name a cluster's folder in their words or their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
            if os.fsencode(folder) in words:
                found.append(int(place.name))
    return found


def command_line(process: int) -> str:
    """Its words; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def install() -> None:
    """Debian's packages, where they are missing and may be installed.

    Raises:
        UnavailableError: they are missing and may not.
    """
    if os.geteuid() != 0:
        raise UnavailableError("SLURM's daemons and their pretend GPUs need root")
    missing = [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise UnavailableError(f"no {', '.join(missing)}, and no apt-get to install them")
    _quietly("apt-get", "--quiet", "update")
    _quietly("apt-get", "--quiet", "--yes", "--no-install-recommends", "install", *PACKAGES)
    still = [name for name in missing if shutil.which(name) is None]
    if still:
        raise UnavailableError(f"no {', '.join(still)} after apt-get install {' '.join(PACKAGES)}")
    # where packages start their services, these are not ours to leave running
    if shutil.which("systemctl"):
        _quietly("systemctl", "disable", "--now", "munge", "slurmctld", "slurmd")


def _quietly(*words: str) -> None:
    """Run a command of the system; what comes of it is looked at afterwards."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            words,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=INSTALL_LIMIT,
        )


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
    (folder / "slurm.conf").write_text(SLURM_CONF.format(**values))
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
