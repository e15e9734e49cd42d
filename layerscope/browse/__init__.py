"""Browsing a stacked filesystem: the tree as rows, filters, search, and the facts about one path."""
