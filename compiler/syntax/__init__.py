"""How text becomes a syntax tree, step by step; `parse` in the package above puts the steps together."""
