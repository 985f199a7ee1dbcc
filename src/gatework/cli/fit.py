"""`gatework fit`: a command for each task."""

from cyclopts import App

from gatework.cli.tasks import TASKS


def build_app() -> App:
    """Return `fit` with its tasks."""
    app = App(name="fit", help="Train a model on a file and keep it as a run.")
    for task in TASKS:
        if task.fit is not None:
            app.command(task.fit, name=task.name)
    return app
