"""The use cases, by noun; every door calls these through ``connector.app``."""
