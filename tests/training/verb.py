"""`molediff train ...` as a program, without the rest of the command line."""

import argparse
import sys

from molediff.cli import train
from molediff.config import UserError

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    try:
        sys.exit(train.run(parser.parse_args()))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
