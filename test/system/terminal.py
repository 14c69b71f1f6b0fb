#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal STEP... -- COMMAND...: runs COMMAND on a terminal of its own, takes the steps in order, and prints all that it wrote.
Ends with its exit status; 98 when a step's text did not come, 99 when the command did not end.

  expect=REGEX   wait until it has written this, behind what was expected before
  send=TEXT      type (\\x03, \\n … mean what they mean in Python)
  size=ROWSxCOLS the window gets this size; as the first step: before the command starts
  sleep=SECONDS
  end            wait for its end (the last step does anyhow)
"""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = float(os.environ.get("TERMINAL_PATIENCE", "30"))


def set_size(fd, text):
    rows, columns = map(int, text.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    def __init__(self, command, size):
        self.written, self.seen, self.ended = b"", 0, False
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.close(go)
            os.read(ready, 1)
            os.execvp(command[0], command)
        if size:
            set_size(self.fd, size)
        os.close(ready)
        os.close(go)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.ended = not data
        self.written += data

    def expect(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while True:
            match = re.compile(pattern.encode(), re.S).search(self.written, self.seen)
            if match:
                self.seen = match.end()
                return
            if self.ended or time.monotonic() > deadline:
                self.give_up(98, "never came: " + pattern)
            self.read(0.2)

    def pause(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read(0.05) if not self.ended else time.sleep(0.05)

    def end(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                self.give_up(99, "did not end")
            if self.ended:
                time.sleep(0.02)
            else:
                self.read(0.05)
        # What it wrote last. Something else may hold the terminal open, so do not wait for the end of it.
        self.pause(0.05)
        self.flush()
        sys.exit(os.waitstatus_to_exitcode(status))

    def flush(self):
        sys.stdout.buffer.write(self.written)
        sys.stdout.buffer.flush()

    def give_up(self, status, text):
        self.flush()
        print("\nterminal: " + text, flush=True)
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(status)


def main():
    split = sys.argv.index("--")
    steps, command = sys.argv[1:split], sys.argv[split + 1 :]
    first = steps.pop(0)[5:] if steps and steps[0].startswith("size=") else None
    terminal = Terminal(command, first)
    for step in steps:
        what, _, text = step.partition("=")
        if what == "expect":
            terminal.expect(text)
        elif what == "send":
            os.write(terminal.fd, codecs.decode(text, "unicode_escape").encode("latin-1"))
        elif what == "size":
            set_size(terminal.fd, text)
        elif what == "sleep":
            terminal.pause(float(text))
        elif what == "end":
            break
        else:
            sys.exit("unknown step " + step)
    terminal.end()


main()
