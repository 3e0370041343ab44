# SPDX-License-Identifier: Apache-2.0
"""The table of symptoms: every headline that doctor can say, and the remedy that goes with it.

The headlines are the section titles of `docs/troubleshooting.md`; a test holds the two together.
Remedies may use the facts of the target: host, port, exporter, signal and what the endpoint
would be over the other protocol.
"""

from __future__ import annotations

from telemetry.diagnosis.findings import Outcome, Symptom


def _ok(headline: str) -> Symptom:
    return Symptom(headline, Outcome.OK)


def _warning(headline: str, remedy: str) -> Symptom:
    return Symptom(headline, Outcome.WARNING, remedy)


def _failed(headline: str, remedy: str) -> Symptom:
    return Symptom(headline, Outcome.FAILED, remedy)


# -- configuration -----------------------------------------------------------------------------
SETTINGS_VALID = _ok("the settings are valid")
SETTINGS_BAD = _failed(
    "a setting cannot be used",
    "Correct it as the message says; `kairos config` shows where it is set.",
)
SETTINGS_DOUBTFUL = _warning("a setting looks wrong", "Correct the name, or remove the variable.")
CREDENTIALS_EXPOSED = _warning(
    "credentials travel in plain text",
    "Use an https:// endpoint, or KAIROS_TELEMETRY_OTLP_INSECURE=false, so that nobody on the way can "
    "read them.",
)
EXTRA_MISSING = _failed("an optional dependency is missing", "Run the pip command above, then try again.")
NOT_BUILT = _failed(
    "the exporter cannot be built",
    "Follow the message above; it comes from the exporter itself.",
)
FOREIGN = _warning(
    "this exporter cannot be tried from here",
    "It comes from another package and could be built. Run `kairos demo` with it and look at its "
    "destination.",
)
SPOOL_WRITABLE = _ok("the spool can be written")
SPOOL_BLOCKED = _warning(
    "the spool cannot be written",
    "Until it can, what waits for the receiver waits in memory and is lost with the process. Free some "
    "space, let the service's user and nobody else write there, or set KAIROS_TELEMETRY_SPOOL_DIR to "
    "another directory.",
)
SPOOL_EMPTY = _ok("nothing waits in the spool")
SPOOL_WAITS = _warning(
    "data waits in the spool",
    "The process that wrote it sends it as soon as the receiver takes data, see the checks of the "
    "exporters; where that process is gone, the next one that starts does, or `kairos spool send`.",
)
SPOOL_DEAD_LETTERS = _warning(
    "the receiver refused data for good",
    "Correct what it objects to, then `kairos spool send --dead-letters`; or throw it away with "
    "`kairos spool drop --dead-letters`.",
)
SPOOL_DAMAGED = _warning(
    "damaged files were set aside",
    "A disk that was full or lost power, or somebody, changed files of the spool; they cannot be sent. "
    "Check the disk, then `kairos spool drop --dead-letters`.",
)

# -- the way to the server ---------------------------------------------------------------------
RESOLVED = _ok("the host name is known")
CONNECTED = _ok("something listens")
UNKNOWN_HOST = _failed(
    "the host name is not known",
    "Correct the host in KAIROS_TELEMETRY_OTLP_ENDPOINT. Inside a container, use the service's name on "
    "its network.",
)
RESOLVER_SILENT = _failed(
    "the name server does not answer",
    "Check /etc/resolv.conf and the network, or put an IP address into KAIROS_TELEMETRY_OTLP_ENDPOINT.",
)
NOTHING_LISTENS = _failed(
    "nothing is listening",
    "Start a receiver on port {port}, or correct KAIROS_TELEMETRY_OTLP_ENDPOINT. In a container, "
    "localhost is the container itself; use the collector's host name.",
)
NO_ANSWER = _failed(
    "the connection attempt gets no answer",
    "A firewall or security group drops the packets, or the host is down: allow TCP to {host}:{port}.",
)
NO_ROUTE = _failed(
    "the host cannot be reached",
    "This machine has no way to {host}: check network, VPN and routes, and the address in "
    "KAIROS_TELEMETRY_OTLP_ENDPOINT.",
)
SILENT = _failed(
    "the server accepts the connection but never answers",
    "Check that port {port} belongs to an OTLP receiver and that it is not hanging; if it is only slow, "
    "raise KAIROS_TELEMETRY_OTLP_TIMEOUT_SECONDS.",
)
CLOSED = _failed(
    "the server closes the connection without an answer",
    "Check that port {port} belongs to an OTLP receiver; its own log says why it hangs up.",
)
PROXY = _ok("the proxy listens")
PROXY_REFUSED = _failed(
    "the proxy does not let the request through",
    "Allow {host}:{port} in the proxy, or add {host} to NO_PROXY.",
)

# -- TLS ---------------------------------------------------------------------------------------
TLS_READY = _ok("TLS works and the certificate is trusted")
TLS_LATER = _ok("TLS will be spoken through the proxy")
SPEAKS_GRPC = _ok("the server speaks HTTP/2, as gRPC needs")
WANTS_TLS = _failed(
    "the server wants TLS, but plain text was sent",
    "Set KAIROS_TELEMETRY_OTLP_INSECURE=false, or write the endpoint as https://{host}:{port}.",
)
PLAIN_TEXT = _failed(
    "the server speaks plain text, but TLS was tried",
    "Set KAIROS_TELEMETRY_OTLP_INSECURE=true, or write the endpoint as http://{host}:{port}.",
)
UNTRUSTED = _failed(
    "the server's certificate is not trusted",
    "It is self-signed or from a private authority: put that authority's PEM file into "
    "KAIROS_TELEMETRY_OTLP_CERTIFICATE.",
)
WRONG_NAME = _failed(
    "the server's certificate is for another name",
    "Use the name that the certificate was issued for in KAIROS_TELEMETRY_OTLP_ENDPOINT, or have it "
    "issued for {host}.",
)
EXPIRED = _failed(
    "the server's certificate has expired",
    "Renew it on the server; if it is still valid, this machine's clock is wrong.",
)
NOT_YET_VALID = _failed(
    "the server's certificate is not valid yet",
    "Check this machine's clock and the server's.",
)
CLIENT_CERTIFICATE_WANTED = _failed(
    "the server asks for a client certificate",
    "It wants mutual TLS: set KAIROS_TELEMETRY_OTLP_CLIENT_CERTIFICATE and KAIROS_TELEMETRY_OTLP_CLIENT_KEY.",
)
CLIENT_CERTIFICATE_REFUSED = _failed(
    "the server refuses the client certificate",
    "Use a certificate in KAIROS_TELEMETRY_OTLP_CLIENT_CERTIFICATE that the server's client authority has "
    "signed and that has not expired.",
)
CERTIFICATE_FILE = _failed(
    "a certificate file cannot be used",
    "Check the PEM files in KAIROS_TELEMETRY_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY: each "
    "must be readable, and the key must belong to the certificate.",
)
TLS_FAILED = _failed(
    "the TLS handshake fails",
    "Client and server agree on no version or cipher, or the server hangs up: its own log says why.",
)

# -- the wrong kind of server ------------------------------------------------------------------
HTTP_PORT = _failed(
    "this is an HTTP port, but gRPC was spoken",
    "OTLP over gRPC usually has port 4317: correct the port in KAIROS_TELEMETRY_OTLP_ENDPOINT; or send "
    "HTTP with KAIROS_TELEMETRY_EXPORTER=otlp-http and "
    "KAIROS_TELEMETRY_OTLP_ENDPOINT={scheme}://{host}:{port}.",
)
GRPC_PORT = _failed(
    "this is a gRPC port, but HTTP was spoken",
    "OTLP over HTTP usually has port 4318: correct the port in KAIROS_TELEMETRY_OTLP_ENDPOINT; or send "
    "gRPC with KAIROS_TELEMETRY_EXPORTER=otlp.",
)
WRONG_PATH = _failed(
    "the server does not know the path",
    "KAIROS_TELEMETRY_OTLP_ENDPOINT is a base URL, /v1/metrics and so on are appended: remove a path that "
    "is too much, or add the one that the vendor documents.",
)
REDIRECTED = _failed(
    "the server redirects elsewhere",
    "OTLP data does not follow redirects: put the final address into KAIROS_TELEMETRY_OTLP_ENDPOINT.",
)
NOT_OTLP = _failed(
    "the answer is not OTLP",
    "Something else than an OTLP receiver answers (a web page, a login, a proxy): check host, port and "
    "path in KAIROS_TELEMETRY_OTLP_ENDPOINT.",
)

# -- what the receiver says --------------------------------------------------------------------
RECEIVED = _ok("received")
PARTIAL = _failed(
    "the receiver rejected a part",
    "The connection is fine, the data is not to its liking: its message says what to change for {signal}.",
)
REMARK = _warning("received, with a remark of the receiver", "Read the remark; the data was taken.")
UNAUTHENTICATED = _failed(
    "the receiver does not accept the credentials",
    "Check KAIROS_TELEMETRY_OTLP_USER and KAIROS_TELEMETRY_OTLP_TOKEN, or the key in "
    "KAIROS_TELEMETRY_OTLP_HEADERS: missing, mistyped, expired or for another region.",
)
FORBIDDEN = _failed(
    "the credentials are valid but not allowed to send this",
    "Give the token the right to write {signal}s at the vendor, or use one that has it.",
)
NOT_ENABLED = _failed(
    "the receiver does not take this signal",
    "Enable a pipeline for {signal}s in the receiver; or leave the signal out: in the place of "
    "KAIROS_TELEMETRY_EXPORTER, set OTEL_{variable}_EXPORTER=none and the other two OTEL_..._EXPORTER=otlp.",
)
TOO_LARGE = _failed(
    "the request is too large for the receiver",
    "Raise the receiver's limit (max_recv_msg_size_mib, client_max_body_size, ...): even one point did "
    "not fit.",
)
THROTTLED = _failed(
    "the receiver asks to slow down",
    "A quota or rate limit is used up: wait, raise it at the vendor, or send less.",
)
OVERLOADED = _failed(
    "the receiver is there but takes no data now",
    "Look at the receiver's own log and health; a gateway in front of it may have lost it.",
)
REFUSED = _failed(
    "the receiver refuses the request",
    "Its message says why; check that it takes OTLP over the protocol of exporter {exporter}.",
)
BAD_HEADER = _failed(
    "a header cannot be sent",
    "Header names are letters, digits and '-', values one line of ASCII: correct "
    "KAIROS_TELEMETRY_OTLP_HEADERS (percent-encode what is special).",
)

# -- exporters without a network ---------------------------------------------------------------
STDOUT = _ok("prints to standard output")
MEMORY = _ok("keeps everything in memory, for tests")
FILE_WRITABLE = _ok("the file can be written")
FILE_BLOCKED = _failed(
    "the file cannot be written",
    "Create the directory, free space or change permissions, or set KAIROS_TELEMETRY_FILE_PATH to a place "
    "that works.",
)
PORT_FREE = _ok("the port is free")
PORT_SERVES = _warning(
    "metrics are already served on the port",
    "If that is your service, all is well; a second process on this host needs another "
    "KAIROS_TELEMETRY_PROMETHEUS_PORT.",
)
PORT_TAKEN = _failed(
    "the port is taken",
    "Another program listens there: end it, or set KAIROS_TELEMETRY_PROMETHEUS_PORT to a free port.",
)
PORT_BLOCKED = _failed(
    "the port cannot be opened",
    "Set KAIROS_TELEMETRY_PROMETHEUS_HOST to an address of this machine and "
    "KAIROS_TELEMETRY_PROMETHEUS_PORT to a port from 1024 up.",
)
NOTHING_LEAVES = _warning(
    "nothing leaves the process",
    "That is what exporter none means; set KAIROS_TELEMETRY_EXPORTER=otlp (or stdout, otlp-http, ...) to "
    "see data.",
)
INHERITED = _warning(
    "the application's own providers are used",
    "What they do with the data can only be seen inside the application: check its OpenTelemetry set-up.",
)
