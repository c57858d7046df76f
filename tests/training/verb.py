"""`molediff train ...` as a program, without the rest of the command line; PAUSE seconds are slept before a step."""

import argparse
import os
import sys
import time

from molediff.cli import train
from molediff.config import UserError


def slowly(seconds: float) -> None:
    """Sleep before each step, so that a test can stop the run at an early one."""
    from molediff.training.module import TrainingModule

    step = TrainingModule.training_step

    def slow(self, batch, batch_idx):
        time.sleep(seconds)
        return step(self, batch, batch_idx)

    TrainingModule.training_step = slow


if __name__ == "__main__":
    if "PAUSE" in os.environ:
        slowly(float(os.environ["PAUSE"]))
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    try:
        sys.exit(train.run(parser.parse_args()))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
