"""What goes wrong on purpose: switches, plans, and the two doors where they strike."""
