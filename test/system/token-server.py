#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""token-server KEY CERTIFICATE USERS: a token server as the distribution project specifies it, for docker-registry's auth.token.

Prints its port, then serves on loopback. USERS is a file of "name:password" lines. GET /token gives tokens to those users (all that they ask for) and to
everybody else (pull of what begins with public/); POST /token does for the refresh token "refresh-<name>". Tokens are RS256, valid for a minute. Each request is a
line on standard error: method, path, user.
"""

import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse

KEY, CERTIFICATE, USERS = sys.argv[1:]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims):
    certificate = subprocess.run(["openssl", "x509", "-in", CERTIFICATE, "-outform", "DER"], capture_output=True, check=True).stdout
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(certificate).decode()]}
    text = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=text.encode(), capture_output=True, check=True).stdout
    return text + "." + encode(signature)


def granted(scope, user):
    kind, rest = scope.split(":", 1)
    name, actions = rest.rsplit(":", 1)
    actions = actions.split(",")
    if not user:
        actions = [action for action in actions if action == "pull" and name.startswith("public/")]
    return {"type": kind, "name": name, "actions": actions}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def give(self, user, parameters):
        scopes = [scope for text in parameters.get("scope", []) for scope in text.split()]
        now = int(time.time())
        token = sign({"iss": "test-issuer", "sub": user, "aud": parameters["service"][0], "iat": now, "nbf": now - 5, "exp": now + 60,
                      "jti": str(time.monotonic_ns()), "access": [granted(scope, user) for scope in scopes]})
        self.answer(200, {"token": token, "access_token": token, "expires_in": 60})

    def users(self):
        with open(USERS) as file:
            return dict(line.rstrip("\n").split(":", 1) for line in file)

    def do_GET(self):
        self.user = ""
        given = self.headers.get("Authorization", "")
        if given.startswith("Basic "):
            self.user, password = base64.b64decode(given[6:]).decode().split(":", 1)
            if self.users().get(self.user) != password:
                return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
        return self.give(self.user, urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query))

    def do_POST(self):
        parameters = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.user = parameters.get("refresh_token", [""])[0].removeprefix("refresh-")
        if parameters["grant_type"] != ["refresh_token"] or self.user not in self.users():
            return self.answer(401, {"error": "invalid_grant", "error_description": "the refresh token is not valid"})
        return self.give(self.user, parameters)

    def log_request(self, code="-", size="-"):
        print(self.command, self.path, getattr(self, "user", "") or "-", code, file=sys.stderr, flush=True)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
