"""Directories to practise on: each speaks one vendor's wire format from a seed, and misbehaves on request."""
