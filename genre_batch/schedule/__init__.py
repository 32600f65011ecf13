"""Who does what next: a pure state machine, without Ray, clock or I/O."""
