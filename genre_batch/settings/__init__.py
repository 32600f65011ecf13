"""Settings as users meet them: what each one means, which values it takes, and what is wrong with one."""
