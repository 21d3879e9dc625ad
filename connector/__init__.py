"""The program: settings, wiring, schedule, doors and deliveries."""
