"""What is shown of Snakemake's own words on a job that failed (tests/workflow/test_terminal.py has whole runs)."""

import pytest

plugin = pytest.importorskip("snakemake_logger_plugin_rdplane", reason="needs Snakemake")

FAILED = (
    'RuleException:\nCalledProcessError in file "/project/workflow/rules/train.smk", line 29:\n'
    """Command 'set -euo pipefail;  exec python -m rdplane.commands.step train --cell '{"seed":0}' --log x' """
)


@pytest.mark.parametrize("end", ["died with <Signals.SIGKILL: 9>.", "returned non-zero exit status 137."])
def test_an_end_that_the_log_cannot_explain_is_told_without_the_command(end):
    assert not plugin.EXPLAINED.search(FAILED + end)
    assert plugin._without_command(FAILED + end) == (
        f'RuleException:\nCalledProcessError in file "/project/workflow/rules/train.smk", line 29:\nthe command {end}'
    )


@pytest.mark.parametrize("status", [1, 2, 3, 75])
def test_an_end_that_the_log_explains_is_told_once(status):
    assert plugin.EXPLAINED.search(f"{FAILED}returned non-zero exit status {status}.")


def test_other_messages_stay_as_they_are():
    text = "WorkflowError:\nCommand line option --cores is missing."
    assert plugin._without_command(text) == text and not plugin.EXPLAINED.search(text)
