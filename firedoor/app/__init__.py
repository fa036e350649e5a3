"""Assembling: settings become a gateway, a worker, an embedded server."""
