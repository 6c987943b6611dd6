"""Clients that share nothing with Wardline but its .proto files: Python's grpcio over HTTP/2 and aioquic over HTTP/3."""
