"""The SCIM 2.0 endpoint, over a session of the engine."""
