"""What each task says to the verbs: one file a task, with its `fit` command and its answers.

A task is added by its file and its line in `TASKS`. Torch is imported inside functions.
"""

from pathlib import Path

from gatework.cli.options import check_output
from gatework.cli.tasks import classify, forecast, frames, generate, tag
from gatework.cli.tasks.task import Question, Task
from gatework.errors import InputError
from gatework.tasks import run as folder

TASKS = (forecast.TASK, classify.TASK, tag.TASK, generate.TASK, frames.TASK)

__all__ = ["TASKS", "Question", "Task", "task_of", "task_of_run"]


def task_of(question: Question) -> Task:
    """Return the task that a question's run is of.

    Raises:
        InputError: It is no run, or an option or output was asked for that its task has not.
    """
    if question.out is not None:
        known = dict.fromkeys(suffix for task in TASKS for suffix in task.outputs)
        check_output(question.out, tuple(known))
    task = task_of_run(question.run)
    task.check(question)
    return task


def task_of_run(run: Path) -> Task:
    """Return the task that a run is of.

    Raises:
        InputError: It is no run, or is of a task that is not known.
    """
    name = folder.task_of(run)
    for task in TASKS:
        if task.name == name:
            return task
    raise InputError(f"{run} is a run of the task {name!r}, which this Gatework has not.")
