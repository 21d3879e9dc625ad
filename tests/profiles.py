"""How much the property tests try: `--hypothesis-profile=long` looks forty times as hard as the default."""

from hypothesis import settings

settings.register_profile("long", settings.default, max_examples=4000, deadline=None)
