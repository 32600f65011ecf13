"""The coordinator in a world of virtual time: seeded faults on few tracks, or a fleet of machines on very many."""
