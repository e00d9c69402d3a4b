import os
import signal
import subprocess
import sys

import psutil
import torch

from tests.conftest import pytest_runtest_setup
from tests.processes import kill_all


def test_a_test_begins_with_one_thread_whatever_the_one_before_it_has_set():
    torch.set_num_threads(2)
    pytest_runtest_setup()
    assert torch.get_num_threads() == 1


def test_a_process_that_has_ended_by_itself_is_no_failure_of_the_kill():
    running = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)  # ended, its status not yet read
    kill_all(running)
    assert running.returncode == 0


def test_children_die_with_their_process():
    running = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE)
    child = int(running.stdout.readline())
    kill_all(running)
    assert running.returncode == -signal.SIGKILL
    assert not psutil.pid_exists(child)
