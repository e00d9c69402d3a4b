"""Run the tests marked `gpu` on the device."""

import subprocess
import sys
import xml.etree.ElementTree as ET

from benchmarks.gpu.findings import Findings
from benchmarks.gpu.settings import Settings
from benchmarks.speed.processes import ROOT, environment


def measure(settings: Settings, findings: Findings) -> None:
    """Add how many tests passed, and the names and messages of those that failed."""
    report = settings.path("work", "tests.xml")
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "-v", "--tb=short", "--durations=10"]
    if settings.toy:  # only some of the aggregators
        command += ["-k", "not test_rules or sum or pcgrad or mgda"]
    limit = settings.limit / 3  # leaves time for the other parts even if a test hangs
    process = subprocess.Popen(
        [*command, f"--junitxml={report}"],
        cwd=ROOT,
        env=environment(
            settings.threads,
            HYBRID_MTL_DEVICE=settings.device,
            CUBLAS_WORKSPACE_CONFIG=":4096:8",
        ),
    )
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        findings.add("failed", {"all": f"not finished after {limit:.0f} s; see the log"})
        return
    cases = list(ET.parse(report).getroot().iter("testcase"))
    bad = [(case, part) for case in cases for part in case if part.tag in ("failure", "error")]
    skipped = [(case, part) for case in cases for part in case if part.tag == "skipped"]
    findings.add("tests", len(cases))
    findings.add("passed", len(cases) - len(bad) - len(skipped))
    findings.add("skipped", {name_of(case): part.get("message") for case, part in skipped})
    findings.add("failed", {name_of(case): part.get("message") for case, part in bad})


def name_of(case: ET.Element) -> str:
    return f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
