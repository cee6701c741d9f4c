"""
A TLS server for `https.rs`, with an authority of its own, and a proxy in front of it.

    https.py DIRECTORY      writes ca.pem there, prints the ports of the server and of the proxy, serves until it is ended

/hello /missing /moved /echo (what was posted) /endless (a header without end) /many (headers without end)
"""

import datetime
import http.server
import ipaddress
import pathlib
import socket
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(name, key, issuer, issuer_key, extensions):
    start = datetime.datetime.utcnow() - datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=10))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


def certificates(directory):
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate("test authority", authority, "test authority", authority, [(x509.BasicConstraints(True, None), True)])
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("tls.invalid")]
    leaf = certificate("server", own, "test authority", authority, [(x509.SubjectAlternativeName(names), False)])
    key = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "ca.pem").write_bytes(pem(root))
    (directory / "server.pem").write_bytes(pem(leaf) + key)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/hello":
            self.say(200, b"hello over TLS\n")
        elif self.path == "/moved":
            self.say(302, b"", Location="/hello")
        elif self.path in ("/endless", "/many"):
            self.close_connection = True
            piece = b"X-Long: " + b"a" * 65536 if self.path == "/endless" else b"X-Header: 1\r\n" * 4096
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(piece)
                piece = b"a" * 65536 if self.path == "/endless" else piece
        else:
            self.say(404, b"nothing here\n")

    def do_POST(self):
        self.say(200, b"got " + self.rfile.read(int(self.headers["Content-Length"])))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes away is what the test wants."""


def relay(source, to):
    try:
        while octets := source.recv(65536):
            to.sendall(octets)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def proxy(listener, port):
    """Whatever host it is asked for, it leads to the server; what it says of that is not what a proxy has to say."""
    while True:
        client, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        if not head.startswith(b"CONNECT "):
            client.close()
            continue
        client.sendall(b"HTTP/1.1 200 Tunnel is open\r\nX-Proxy: yes\r\n\r\n")
        server = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=relay, args=(client, server), daemon=True).start()
        threading.Thread(target=relay, args=(server, client), daemon=True).start()


def main():
    directory = pathlib.Path(sys.argv[1])
    certificates(directory)
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    listener = socket.create_server(("127.0.0.1", 0))
    port = server.server_address[1]
    threading.Thread(target=proxy, args=(listener, port), daemon=True).start()
    print(port, listener.getsockname()[1], flush=True)
    server.serve_forever()


main()
