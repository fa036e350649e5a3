"""Responses: what one decides, remembers, asks and tells."""
