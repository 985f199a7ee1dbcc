"""A program for test_resume: train into FOLDER/whole, and into FOLDER/killed with SIGKILLs between.

    python killed_run.py FOLDER

Children are forked before anything is computed, so that torch is imported only once.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import msgspec
import torch

from gatework.training import TrainSettings, save_weights, train
from training.toys import Score, Sums, recurrent_model, squared_error

KILLS = 5
STEPS = 50  # half of them all: who kills may be late on a busy machine
SETTINGS = TrainSettings(
    epochs=25,
    learning_rate=0.01,
    average=0.9,
    validate_every=7,
    log_every=3,
    checkpoint_seconds=0.0,
)


def run(folder: Path) -> None:
    torch.set_num_threads(1)
    model = recurrent_model()
    train(
        model,
        Sums(),
        squared_error,
        settings=SETTINGS,
        validate=Score(Sums()),
        folder=folder,
    )
    save_weights(model, folder / "model.safetensors")
    if "torch._dynamo" in sys.modules:
        sys.exit("training imported torch's compiler, which takes seconds that it does not need")


def start(folder: Path) -> int:
    child = os.fork()
    if child == 0:
        run(folder)
        os._exit(0)
    return child


def reached(folder: Path) -> int:
    """Return the step of the checkpoint that stands, 0 if it is being replaced right now."""
    try:
        text = (folder / "state" / "progress.json").read_bytes()
    except FileNotFoundError:
        return 0
    return msgspec.json.decode(text)["position"]["step"]


def finish(child: int) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        sys.exit(f"a run ended with status {status}")


def kill_again_and_again(folder: Path) -> None:
    chance = random.Random(0)
    for kill in range(KILLS):
        child = start(folder)
        target = (kill + chance.random()) * STEPS / KILLS
        while reached(folder) < target:
            time.sleep(0.001)
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                sys.exit("the run ended before it was killed")
        time.sleep(chance.random() * 0.005)
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            sys.exit("the run was not killed")


def main(folder: Path) -> None:
    finish(start(folder / "whole"))
    kill_again_and_again(folder / "killed")
    finish(start(folder / "killed"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
