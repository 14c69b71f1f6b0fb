# SPDX-License-Identifier: Apache-2.0
"""name-server.py ADDRESS ANSWER LOG: a name server on ADDRESS, port 53, UDP: every name that ends in .test has the IPv4 address ANSWER, there are no others. LOG has a line for
each query, the first one is "ready"."""

import socket
import sys

address, answer, path = sys.argv[1:]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((address, 53))
log = open(path, "w", buffering=1)
log.write("ready\n")
while True:
    query, client = server.recvfrom(4096)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind = int.from_bytes(query[at + 1:at + 3], "big")
    log.write("%s %d\n" % (".".join(labels), kind))
    known = labels[-1] == "test"
    record = bytes([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]) + socket.inet_aton(answer) if known and kind == 1 else b""
    head = query[:2] + bytes([0x81, 0x80 if known else 0x83, 0, 1, 0, 1 if record else 0, 0, 0, 0, 0])
    server.sendto(head + query[12:at + 5] + record, client)
