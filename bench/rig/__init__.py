"""A service whose outages and losses are scripted, and which logs what it did to the nanosecond."""
