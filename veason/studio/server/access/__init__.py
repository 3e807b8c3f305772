"""Who may use a server, and what each of them may do: names, passwords, roles."""
