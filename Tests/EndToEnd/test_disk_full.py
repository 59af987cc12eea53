"""A full disk stops what must be written, and nothing else."""

import os
import subprocess

import pytest

from parts.processes import real, wait_for


@pytest.fixture
def small_disk(tmp_path):
    """Six mebibytes; a system that may not mount is an error."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run([real("mount"), "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run([real("umount"), "--lazy", disk], check=True)


def fill(disk) -> None:
    with open(disk / "ballast", "ab", buffering=0) as ballast:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    os.write(ballast.fileno(), b"x" * size)
            except OSError:
                pass


def test_with_a_full_disk_sessions_go_on_sign_ins_wait_and_all_works_again_without_a_restart(small_disk, make_postern):
    postern = make_postern(data=small_disk / "data").start()
    postern.make_account("ada@example.org")
    token = postern.sign_in("ada@example.org")
    assert postern.gate_status(token) == 200
    pid = postern.process.pid

    fill(small_disk)
    answers = []

    def sign_in() -> bool:
        answers.append(postern.try_sign_in("ada@example.org"))
        return answers[-1].status_code != 200  # What is left in the log file may take a few more.
    wait_for("the disk to be felt", sign_in, 20)
    refused = answers[-1]
    assert refused.status_code == 503
    assert refused.json()["reason"] == "unavailable" and refused.headers["Retry-After"]
    assert postern.try_sign_in("ada@example.org").status_code == 503
    assert postern.sign_up("new@example.org").status_code == 503
    assert [postern.gate_status(token) for _ in range(20)] == [200] * 20
    for answer in answers[:-1]:
        assert postern.session_status(answer.json()["session"]["token"]) == 200

    (small_disk / "ballast").unlink()
    wait_for("signing in to work again", lambda: postern.try_sign_in("ada@example.org").status_code == 200, 5)
    assert postern.sign_up("new@example.org").status_code == 202
    assert postern.process.lives and postern.process.pid == pid
    assert postern.gate_status(token) == 200
    postern.stop()
