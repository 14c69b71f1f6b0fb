#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""faulty-proxy HOST:PORT RULES LOG: stands in front of a registry (plain HTTP) and does to its answers what RULES say.

Prints its port, then serves on loopback. RULES is a file, read anew for each request, of lines

  TIMES METHOD REGEX FAULT [ARGUMENT]     (TIMES: how often it happens, * for always; METHOD: GET, …, or *; REGEX: somewhere in the path)

of which the first that fits and has not happened TIMES times yet is applied:

  cut N         the connection ends after N bytes of the body, which was announced in full
  stall N       after N bytes nothing more comes, and the connection stays open
  truncate N    only N bytes of the body come, and are announced as all of it
  corrupt N     byte N of the body is another one
  add TEXT      the body has TEXT behind it
  slow N        the body comes at N bytes a second, until all rules are taken away
  delay S       the answer begins after S seconds
  status CODE   there is no other answer than this, with Retry-After: SECONDS when it is written CODE/SECONDS
  drop N        the connection ends when N bytes of the request's body have come
  norange       Range is not understood
  redirect URL  the answer is found at URL (and the request's path behind it); the request's body is not read
  redirect-late URL  the same when the body has been read

LOG gets a line for each request: METHOD PATH, the fault (or "-"), "range=…", "auth=" and the scheme of Authorization, each "-" where there is none, and the status.
"""

import http.client
import http.server
import os
import re
import sys
import threading
import time

UPSTREAM, RULES, LOG = sys.argv[1:]
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
happened, lock = {}, threading.Lock()


def fault_for(method, path):
    with open(RULES) as file, lock:
        for line in file:
            if not line.strip() or line.startswith("#"):
                continue
            times, wanted, pattern, fault, *argument = line.split(None, 4)
            if wanted not in ("*", method) or not re.search(pattern, path):
                continue
            happened[line] = happened.get(line, 0) + 1
            if times == "*" or happened[line] <= int(times):
                return fault, argument[0].strip() if argument else ""
    return None, ""


class Hangup(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_expect_100(self):
        """Only when the body is wanted."""
        return True

    def body_pieces(self, limit):
        """The request's body; ends the connection after `limit` bytes."""
        seen = 0
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()

        def checked(data):
            nonlocal seen
            seen += len(data)
            if limit is not None and seen >= limit:
                raise Hangup
            return data

        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
                yield checked(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left > 0:
                data = self.rfile.read1(min(left, 65536))
                if not data:
                    raise Hangup
                left -= len(data)
                yield checked(data)

    def ask_upstream(self, fault, limit):
        connection = http.client.HTTPConnection(UPSTREAM, timeout=60)
        headers = {key: ", ".join(self.headers.get_all(key)) for key in self.headers.keys() if key.lower() not in HOP}
        if fault == "norange":
            headers = {key: value for key, value in headers.items() if key.lower() != "range"}
        length, chunked = self.headers.get("Content-Length"), "Transfer-Encoding" in self.headers
        if length is not None:
            headers["Content-Length"] = length
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        has_body = chunked or length is not None
        connection.request(self.command, self.path, self.body_pieces(limit) if has_body else None, headers, encode_chunked=chunked)
        return connection.getresponse()

    def refuse(self, status, retry_after):
        for _ in self.body_pieces(None):
            pass
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def relay(self, fault, argument):
        answer = self.ask_upstream(fault, int(argument) if fault == "drop" else None)
        body = b"" if self.command == "HEAD" else answer.read()
        length = answer.headers.get("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body))
        n = int(argument) if fault in ("cut", "stall", "truncate", "corrupt", "slow") else 0
        if fault == "corrupt":
            body = body[:n] + bytes([body[n] ^ 1]) + body[n + 1:]
        elif fault == "truncate":
            body, length = body[:n], str(min(n, len(body)))
        elif fault == "add":
            body += argument.encode()
            length = str(len(body))
        self.status = answer.status
        self.send_response(answer.status, answer.reason)
        for key, value in answer.headers.items():
            if key.lower() not in HOP:
                self.send_header(key, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if fault in ("cut", "stall"):
            self.wfile.write(body[:n])
            self.wfile.flush()
            if fault == "stall":
                time.sleep(3600)
            raise Hangup
        if fault == "slow":
            for at in range(0, len(body), max(n // 10, 1)):
                self.wfile.write(body[at:at + max(n // 10, 1)])
                self.wfile.flush()
                if os.path.getsize(RULES) > 0:
                    time.sleep(0.1)
        else:
            self.wfile.write(body)

    def handle_fault(self, fault, argument):
        if fault == "delay":
            time.sleep(float(argument))
        if fault == "status":
            code, _, retry_after = argument.partition("/")
            self.status = int(code)
            self.refuse(self.status, retry_after)
        elif fault in ("redirect", "redirect-late"):
            for _ in self.body_pieces(None) if fault == "redirect-late" else ():
                pass
            self.close_connection = True
            self.status = 307
            self.send_response(307)
            self.send_header("Location", argument + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.relay(fault, argument)

    def do_any(self):
        fault, argument = fault_for(self.command, self.path)
        self.status = "-"
        try:
            self.handle_fault(fault, argument)
        except (Hangup, OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            authorization = self.headers.get("Authorization", "-").split()[0]
            with lock, open(LOG, "a") as log:
                print(self.command, self.path, fault or "-", "range=" + self.headers.get("Range", "-"), "auth=" + authorization, self.status, file=log)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
