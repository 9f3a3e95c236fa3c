"""How a table loads: one module per word of the specs' `load`."""
