"""The one writer: everything that changes people, groups, members or links goes through here."""
